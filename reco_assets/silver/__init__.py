"""Silver: cleaned tables with declared schemas, what was refused, and the split."""
