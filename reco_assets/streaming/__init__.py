"""Ratings that arrive as files: claimed, archived, staged as batches, and let go."""
