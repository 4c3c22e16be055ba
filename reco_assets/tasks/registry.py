"""The platform's functions that a pipeline's task may name: functions of the settings that find, check or choose.

By module and not by object, so that `reco run --function find_current_model` imports no more than it needs: with the
pipelines and Dagster it takes 2.0 s of a processor, without 0.5 s.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from resources.errors import RecoError
from resources.settings import Settings

MODULES: Mapping[str, str] = {
    "backup_current_model": "reco_assets.models.serving",
    "check_new_data": "reco_assets.tasks.new_data",
    "check_retrain": "reco_assets.drift.reports",
    "compare_models": "reco_assets.models.serving",
    "find_current_model": "reco_assets.models.serving",
    "find_latest_model": "reco_assets.models.serving",
    "rollback_model": "reco_assets.models.serving",
    "validate_data": "reco_assets.tasks.tables_sound",
    "verify_gold": "reco_assets.tasks.layers_there",
    "verify_silver": "reco_assets.tasks.layers_there",
}


class UnknownFunctionError(RecoError):
    """There is no such function; the message lists those there are."""


def function_named(name: str) -> Callable[[Settings], Any]:
    """A function by its name. Raises `UnknownFunctionError`."""
    if name not in MODULES:
        raise UnknownFunctionError(f"There is no function {name!r}. There are: {', '.join(sorted(MODULES))}.")
    function: Callable[[Settings], Any] = getattr(import_module(MODULES[name]), name)
    return function
