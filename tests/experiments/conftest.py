"""Versions of a tiny model, as the tests of models have them."""

from tests.models.conftest import save_version, store_settings, tiny_model

__all__ = ["save_version", "store_settings", "tiny_model"]
