"""Gold: what the champion serves."""
