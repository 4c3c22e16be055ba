"""`reco run --in-dagster`: the same result from a run of a Dagster that is there already."""

from collections.abc import Mapping, Sequence
from typing import Any

from reco_assets.build import build_definitions
from reco_assets.cli.summary import console
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.in_dagster import Caller, check_in_dagster, materialize_in_dagster
from reco_assets.runner.results import checks_result, run_result
from reco_assets.runner.run import require_no_error
from resources.orchestrator.webserver import Webserver
from resources.settings import Settings
from resources.text.json_lines import json_console

CONSOLE = console(stderr=True, soft_wrap=True)


def result_in_dagster(
    settings: Settings, url: str, assets: Sequence[str], config: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Materialise assets there; the result as it was handed over. Raises as `materialize_in_dagster`."""
    return hand_over(settings, _made(settings, url, assets, config))


def checks_in_dagster(settings: Settings, url: str, kinds: Sequence[str], assets: Sequence[str]) -> Mapping[str, Any]:
    """Run checks of all tables there, then make assets whatever they found; the result as it was handed over.

    Raises `ChecksFailedError` when a check found an error, at the end; and as `check_in_dagster`.
    """
    checked = check_in_dagster(Webserver(url), build_definitions, _caller(settings), kinds)
    made = _made(settings, url, assets, {}) if assets else {}
    require_no_error(checked.checks)
    return hand_over(settings, made | checks_result(checked))


def _made(
    settings: Settings, url: str, assets: Sequence[str], config: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    outcome = materialize_in_dagster(Webserver(url), build_definitions, _caller(settings), assets, config)
    return run_result(settings, outcome)


def _caller(settings: Settings) -> Caller:
    return Caller(settings, json_console("reco", "INFO").info if settings.logs.format == "json" else CONSOLE.print)
