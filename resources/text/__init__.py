"""Text from outside, made harmless and free of secrets."""
