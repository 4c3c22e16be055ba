"""What training and test are, and the decision that lets batches in."""
