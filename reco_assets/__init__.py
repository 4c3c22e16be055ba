"""The asset graph of the recommender. Importing it starts nothing."""

from resources.garbage import search_rarely

search_rarely()  # here, as every door of the platform imports this first
