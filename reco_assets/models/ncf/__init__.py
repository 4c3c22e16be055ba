"""Neural collaborative filtering: the platform's second model family."""
