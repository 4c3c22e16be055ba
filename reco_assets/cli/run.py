"""`reco run`: what a task of an orchestrator runs. Assets, checks or one function; the last line is the result."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resources.errors import RecoError

if TYPE_CHECKING:
    from resources.settings import Settings


class RunConfigError(RecoError):
    """--config is not what it must be; the message says what is wrong with it."""


def run(
    select: Annotated[
        str | None,
        typer.Option(
            help="The assets to make: keys with slashes, comma separated; +KEY with those it is made from, *KEY with "
            "all before it, KEY+ and KEY* with those made from it."
        ),
    ] = None,
    checks: Annotated[
        str | None, typer.Option(help="The kinds of checks to run on every table, comma separated.")
    ] = None,
    function: Annotated[str | None, typer.Option(help="The platform's function to call.")] = None,
    config: Annotated[
        str | None, typer.Option(metavar="JSON", help='Step configuration: {"process_streaming_data": {…}}.')
    ] = None,
    in_dagster: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Make or check it in the Dagster whose web server is there, by its queue."),
    ] = None,
) -> None:
    """Make assets, run checks, or call a function; the last line printed is the result as one JSON object.

    It is {"run_id", "assets"} with each asset's figures, the drift sections and `retrain_decision` where a drift report
    was made, and `comparison` where a model was judged; {"run_id", "passed", "checks"} (with `assets`, when some are to
    be made behind the checks, whatever those find); or {"function", "value"}.
    """
    from reco_assets.runner.hand_over import hand_over
    from resources.files import plain_json
    from resources.settings import load_settings

    settings = load_settings()
    result: Mapping[str, Any]
    match select, checks, function, config:
        case str(), None, None, _:
            result = _make(settings, in_dagster, select.split(","), _parse(config))
        case _, str(), None, None:
            result = _check(settings, in_dagster, checks.split(","), select.split(",") if select else [])
        case None, None, str(), None if in_dagster is None:
            result = hand_over(settings, _call(settings, function))
        case _:
            raise typer.BadParameter(
                "give --select KEY,KEY… (with --config, where needed), --checks KIND,KIND… (with --select for assets "
                "to make behind them), or --function NAME, which has no --in-dagster"
            )
    typer.echo(json.dumps(plain_json(result), allow_nan=False))


def _call(settings: "Settings", name: str) -> dict[str, Any]:
    from reco_assets.tasks.registry import function_named

    return {"function": name, "value": function_named(name)(settings)}


def _make(
    settings: "Settings", dagster: str | None, keys: Sequence[str], config: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    if dagster is not None:
        from reco_assets.cli.in_dagster import result_in_dagster

        return result_in_dagster(settings, dagster, keys, config)
    from reco_assets.cli.progress import result_with_progress

    return result_with_progress(settings, keys, config)


def _check(settings: "Settings", dagster: str | None, kinds: Sequence[str], keys: Sequence[str]) -> Mapping[str, Any]:
    if dagster is not None:
        from reco_assets.cli.in_dagster import checks_in_dagster

        return checks_in_dagster(settings, dagster, kinds, keys)
    from reco_assets.cli.progress import check_with_progress

    return check_with_progress(settings, kinds, keys)


def _parse(config: str | None) -> Mapping[str, Mapping[str, Any]]:
    if config is None:
        return {}
    try:
        found = json.loads(config)
    except ValueError as error:
        raise RunConfigError(f"--config {config!r} is no JSON: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(values, dict) for values in found.values()):
        raise RunConfigError(f'--config {config!r} must be an object of objects: {{"STEP": {{"NAME": VALUE}}}}.')
    return found
