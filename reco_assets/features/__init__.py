"""What is known of users and movies at a time: features declared once, computed and kept in DuckDB."""
