"""Dagster's private names, and how it shows a table."""
