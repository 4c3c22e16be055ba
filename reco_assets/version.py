"""The code version recorded with every model."""

from importlib.metadata import version

CODE_VERSION = version("reco-assets")
