"""Experiments: a share of users gets the challenger's lists, and what they rate afterwards says who is to serve."""
