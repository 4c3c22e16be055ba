"""MLflow: a mirror of what was tried and of which version serves."""
