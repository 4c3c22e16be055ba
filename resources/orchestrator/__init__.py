"""Dagster's own storage, its private names, and how it shows a table."""
