"""Settings found by trial on a slice of the training ratings."""
