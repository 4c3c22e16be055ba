"""Tables on object storage for Spark: its JARs, and a log store whose commits are conditional puts."""
