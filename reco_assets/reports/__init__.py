"""Pages to read offline: one base for all of them."""
