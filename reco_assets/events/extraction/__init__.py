"""Extraction: from topics or files into the data lake, each event once."""
