"""What a model is worth: metrics, its evaluation, the comparison with the champion, the decision."""
