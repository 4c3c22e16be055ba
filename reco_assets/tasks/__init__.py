"""What a pipeline may call by name."""
