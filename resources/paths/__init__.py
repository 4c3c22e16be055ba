"""Paths and names of files: as each engine takes them, free of links, and leading nowhere else."""
