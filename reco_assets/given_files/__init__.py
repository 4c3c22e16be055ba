"""The documents' path arguments: the platform's own functions on files and folders that are given."""
