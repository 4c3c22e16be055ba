"""The champion behind HTTP: lists, similar movies, what trends, and lists for people it was not trained on."""
