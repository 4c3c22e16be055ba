"""Runs from the command line: what is to be made or checked, what became of it, and how it is handed on."""
