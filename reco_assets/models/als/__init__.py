"""Alternating least squares: the platform's first model family."""
