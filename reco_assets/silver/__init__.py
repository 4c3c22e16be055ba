"""Silver: cleaned tables with declared schemas, and what was refused."""
