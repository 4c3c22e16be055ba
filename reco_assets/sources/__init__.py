"""Where raw data comes from: one module per source, all giving the same `Source`."""
