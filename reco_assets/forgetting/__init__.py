"""Forgetting users: every place that holds them, what is removed there, and the certificate that says so."""
