"""Drift: do the new ratings, and the champion's predictions for them, still look like what it was trained on?"""
