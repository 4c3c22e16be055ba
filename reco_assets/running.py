"""Materialising assets from Python: the same graph, resources and checks as in Dagit, in this process."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from reco_assets.build import build_definitions
from resources.errors import RecoError
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterEvent, ExecuteInProcessResult

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailedError(RecoError):
    """A run failed; the message is the first failed step's own, one clear line where the platform raised it."""


@dataclass
class Outcome:
    """What a run did: its id, and the metadata of each materialised asset (key with slashes) as plain values."""

    run_id: str
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)


Listener = Callable[[str, "DagsterEvent"], None]


def materialize_assets(
    settings: Settings,
    assets: Sequence[str],
    listen: Listener | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
) -> Outcome:
    """Materialise assets (keys with slashes) in one run. Raises `RunFailedError`.

    `config` is the configuration of steps by name. `listen` is called with (step key, event) as the run goes on. The
    run is recorded under DAGSTER_HOME where that is set, and nowhere otherwise.
    """
    from dagster._core.utils import make_new_run_id

    run_id = make_new_run_id()
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    with _instance() as instance:
        if listen is not None:
            instance.add_event_listener(run_id, lambda entry: _pass_on(entry, listen))
        result = job.execute_in_process(
            run_config=QUIET | {"ops": {step: {"config": values} for step, values in (config or {}).items()}},
            instance=instance,
            run_id=run_id,
            asset_selection=[dg.AssetKey(asset.split("/")) for asset in assets],
            raise_on_error=False,
        )
    if not result.success:
        raise RunFailedError(_first_failure(result))
    return Outcome(run_id, _metadata(result))


def _instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral()


def _pass_on(entry: Any, listen: Listener) -> None:
    if entry.dagster_event is not None and entry.dagster_event.step_key is not None:
        listen(entry.dagster_event.step_key, entry.dagster_event)


def _metadata(result: "ExecuteInProcessResult") -> dict[str, dict[str, Any]]:
    found = {}
    for event in result.get_asset_materialization_events():
        materialization = event.materialization
        values = {name: value.value for name, value in materialization.metadata.items()}
        found[materialization.asset_key.to_user_string()] = values
    return found


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
