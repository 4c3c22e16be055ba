"""Bronze: the files as Delta tables, columns as they came."""
