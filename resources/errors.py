"""The base of every error whose message a person can act on."""


class RecoError(Exception):
    """Raised with one clear message: what was found, where, and what to do. The command line prints it alone."""
