"""The asset graph of the recommender. Importing it starts nothing."""
