"""The base of every error whose message a person can act on."""

from resources.text.masking import masked


class RecoError(Exception):
    """Raised with one clear message: what was found, where, and what to do. The command line prints it alone.

    A password or token in it is masked: messages are printed, and kept by Dagster.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(masked(each) if isinstance(each, str) else each for each in arguments))


class ForeignError(RecoError):
    """A library's error, from which it is raised and whose message it has; whoever knows what to do adds it."""
