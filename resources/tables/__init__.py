"""Delta and Parquet tables: where they lie, how they are read, written, grown and kept small."""
