"""The asset graph of the recommender.

Importing it, or any module of it, starts nothing; it makes Python's search for garbage rare in the whole process.
"""

from resources.garbage import search_rarely

search_rarely()  # here, as every door of the platform imports this first
