"""Sensors that notice new ratings and drift, and start what follows."""
