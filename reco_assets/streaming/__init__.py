"""Ratings that arrive as files: taken in, staged, and merged into what training sees once drift calls for it."""
