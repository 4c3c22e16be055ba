"""Apache Kafka: a broker of one's own for development and tests, and how clients reach any broker."""
