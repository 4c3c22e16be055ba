"""Materialising assets from Python: the same graph, resources and checks as in Dagit, in this process."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import dagster as dg

from reco_assets.build import build_definitions
from resources.airflow import airflow_task
from resources.errors import RecoError
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterEvent, ExecuteInProcessResult
    from dagster._core.definitions.assets.graph.asset_graph import AssetGraph, AssetNode

SCALARS = (
    dg.IntMetadataValue,
    dg.FloatMetadataValue,
    dg.BoolMetadataValue,
    dg.TextMetadataValue,
    dg.PathMetadataValue,
)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailedError(RecoError):
    """A run failed; the message is the first failed step's own, one clear line where the platform raised it."""


class RunRequestError(RecoError):
    """What was asked for cannot be run: an asset or step that is not there, or configuration that does not fit it."""


@dataclass
class Outcome:
    """What a run did: its id, and the metadata of each materialised asset (key with slashes) as plain values.

    `scalars` has of each asset's metadata only what is one number, truth value, short string or path.
    """

    run_id: str
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    scalars: dict[str, dict[str, Any]] = field(default_factory=dict)


Listener = Callable[[str, "DagsterEvent"], None]


def materialize_assets(
    settings: Settings,
    assets: Sequence[str],
    listen: Listener | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
) -> Outcome:
    """Materialise assets (keys with slashes) in one run. Raises `RunRequestError`, `RunFailedError`.

    `config` is the configuration of steps by name. `listen` is called with (step key, event) as the run goes on. The
    run is recorded under DAGSTER_HOME where that is set, and nowhere otherwise; in an Airflow task it is tagged with
    Airflow's ids.
    """
    from dagster._core.utils import make_new_run_id

    run_id = make_new_run_id()
    definitions = build_definitions(settings)
    selected = _selected(definitions.resolve_asset_graph(), assets)
    run_config = QUIET | _step_config({node.assets_def.op.name for node in selected}, config or {})
    job = definitions.resolve_implicit_global_asset_job_def()
    task = airflow_task(settings)
    with _instance() as instance:
        if listen is not None:
            instance.add_event_listener(run_id, lambda entry: _pass_on(entry, listen))
        try:
            result = job.execute_in_process(
                run_config=run_config,
                instance=instance,
                run_id=run_id,
                tags=task.tags() if task else None,
                asset_selection=[node.key for node in selected],
                raise_on_error=False,
            )
        except dg.DagsterInvalidConfigError as error:
            raise RunRequestError(" ".join(found.message for found in error.errors)) from None
    if not result.success:
        raise RunFailedError(_first_failure(result))
    return _outcome(result)


def _selected(graph: "AssetGraph", assets: Sequence[str]) -> list["AssetNode"]:
    """The assets by name, if all are there and none is made only together with others. Raises `RunRequestError`."""
    known = {key.to_user_string(): graph.get(key) for key in graph.materializable_asset_keys}
    for asset in assets:
        if asset not in known:
            raise RunRequestError(f"There is no asset {asset!r}. {_nearest(asset, known)}")
        together = {key.to_user_string() for key in known[asset].execution_set_asset_keys}
        if missing := sorted(together - set(assets)):
            raise RunRequestError(f"{asset} is only made together with {', '.join(missing)}: select all of them.")
    return [known[asset] for asset in assets]


def _step_config(steps: Collection[str], config: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Run configuration of steps by name. Raises `RunRequestError` for a step that the run does not have."""
    for step in config:
        if step not in steps:
            raise RunRequestError(f"The run has no step {step!r} to configure. {_nearest(step, steps)}")
    return {"ops": {step: {"config": dict(values)} for step, values in config.items()}}


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names)
    return f"The nearest: {', '.join(near)}." if near else f"There are: {', '.join(names)}."


def _instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral()


def _pass_on(entry: Any, listen: Listener) -> None:
    if entry.dagster_event is not None and entry.dagster_event.step_key is not None:
        listen(entry.dagster_event.step_key, entry.dagster_event)


def _outcome(result: "ExecuteInProcessResult") -> Outcome:
    outcome = Outcome(result.run_id)
    for event in result.get_asset_materialization_events():
        made = event.materialization
        asset = made.asset_key.to_user_string()
        outcome.metadata[asset] = {name: value.value for name, value in made.metadata.items()}
        outcome.scalars[asset] = {
            name: value.value for name, value in made.metadata.items() if isinstance(value, SCALARS)
        }
    return outcome


def _first_failure(result: "ExecuteInProcessResult") -> str:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            message = error.message.strip() if error else "no error was recorded"
            name, separator, text = message.partition(": ")
            plain = text if separator and "." in name and " " not in name else message
            return f"{event.step_key}: {plain}"
        if event.event_type_value == "PIPELINE_FAILURE" and event.message:
            return str(event.message)
    return "the run failed before its first step"
