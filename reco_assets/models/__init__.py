"""Models as pure code: arrays in, arrays out. No Dagster, no table names."""
