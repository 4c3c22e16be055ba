"""Materialising assets in a Dagster that runs already: its queue decides when, and the result is the same as here.

Whoever waits for the run owns it: Ctrl-C or SIGTERM here ends the run there. Who comes again with the same request,
such as Airflow's next attempt after its worker was killed, finds the run at work and waits for that.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

import dagster as dg

from reco_assets.pipelines.jobs import queue_tags
from reco_assets.pipelines.spec import HEAVY
from reco_assets.runner.ends import in_short
from reco_assets.runner.run import (
    BLOCKED,
    Build,
    Checked,
    Outcome,
    RunFailedError,
    by_asset,
    chosen_checks,
    require_no_error,
    step_config,
)
from reco_assets.runner.selection import selected_assets
from resources.airflow import airflow_task, steering_tags
from resources.files import plain_json
from resources.orchestrator.webserver import AT_WORK, POLL_SECONDS, Location, Webserver, metadata_of, slashed
from resources.settings import Settings

ASSET_JOB = "__ASSET_JOB"  # as Dagit calls the job that makes a selection of assets
REQUEST_TAG = "reco/request"
END_SECONDS = 25.0  # of the 30 that Airflow leaves a task that it ends
MADE_SECONDS = 5.0  # until a run that was asked for is on record, 1 to 2 s
TABLE_VALUES = (int, float, bool, str)

Tell = Callable[[str], None]  # says a line to a person


class NoSuchLocationError(RunFailedError):
    """The Dagster that was asked has no code location with the assets; the message says which it has."""


@dataclass(frozen=True)
class Request:
    """What a run is to make (keys with slashes), to check (asset, check), and the configuration of its steps."""

    assets: Sequence[str] = ()
    checks: Sequence[tuple[str, str]] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> set[str]:
        """Every asset that it names."""
        return {*self.assets, *(asset for asset, _ in self.checks)}


@dataclass(frozen=True)
class Caller:
    """Who asks: the settings that its environment gives, and the ear for a line on each step."""

    settings: Settings
    tell: Tell


def materialize_in_dagster(
    webserver: Webserver, build: Build, caller: Caller, assets: Sequence[str], config: Mapping[str, Mapping[str, Any]]
) -> Outcome:
    """Materialise assets in one run of a running Dagster, as `materialize_assets` does in this process.

    Raises as that, and `WebserverError`, `NoSuchLocationError`.
    """
    selected = selected_assets(build(caller.settings).resolve_asset_graph(), assets)
    steps = step_config({node.assets_def.op.name for node in selected}, config)
    keys = [node.key.to_user_string() for node in selected]
    return _outcome_of(webserver, caller, Request(assets=keys, config=steps))


def check_in_dagster(webserver: Webserver, build: Build, caller: Caller, kinds: Collection[str]) -> Outcome:
    """Run checks of all tables in one run of a running Dagster, whatever they find, as `run_checks` does here.

    Raises as that, and `WebserverError`, `NoSuchLocationError`.
    """
    chosen = chosen_checks(build(caller.settings), kinds)
    checks = sorted((key.asset_key.to_user_string(), key.name) for key in chosen)
    return _outcome_of(webserver, caller, Request(checks=checks), may_block=True)


def _outcome_of(webserver: Webserver, caller: Caller, request: Request, *, may_block: bool = False) -> Outcome:
    tags = _tags(caller.settings, request)
    try:
        seen = _Seen(Outcome(_start(webserver, caller, request, tags)))
        status = _watch(webserver, seen, caller.tell)
    except KeyboardInterrupt:
        _end(webserver, tags, caller.tell)
        raise
    seen.outcome.checks.sort(key=by_asset)
    if status == "SUCCESS" or (may_block and seen.only_checks_failed):
        return seen.outcome
    if seen.only_checks_failed:
        require_no_error(seen.outcome.checks)
    raise RunFailedError(seen.why or f"Dagster's run {seen.outcome.run_id} was ended there: {status}.")


def _start(webserver: Webserver, caller: Caller, request: Request, tags: Mapping[str, str]) -> str:
    """The run of a request: that of an earlier attempt that is still at work, else a new one."""
    location = _location(webserver, request)
    if (found := webserver.run_at_work(_mark(tags))) is not None:
        caller.tell(f"Dagster's run {found} is at work on this already: {webserver.url.rstrip('/')}/runs/{found}")
        return found
    run_id = webserver.launch(_params(location, request, tags))
    caller.tell(f"Dagster's run {run_id} is in the queue: {webserver.url.rstrip('/')}/runs/{run_id}")
    return run_id


def _location(webserver: Webserver, request: Request) -> Location:
    found = webserver.locations()
    for location in found:
        if request.touched <= location.assets:
            return location
    names = ", ".join(location.name for location in found) or "none that is loaded"
    raise NoSuchLocationError(
        f"Dagster at {webserver.url} has no code location with {', '.join(sorted(request.touched))}; it has: {names}. "
        "Let it load reco_assets.definitions of the same version."
    )


def _tags(settings: Settings, request: Request) -> dict[str, str]:
    task = airflow_task(settings)
    # An attempt of the same task asks for the same; without a task nobody can come again.
    who = f"{task.dag_id}/{task.run_id}/{task.task_id}" if task else uuid4().hex
    mark = sha256(repr((who, request.assets, request.checks)).encode()).hexdigest()[:32]
    tags = queue_tags(HEAVY) | steering_tags(settings) | {REQUEST_TAG: mark}
    return tags | (dict(task.tags()) if task else {})


def _params(location: Location, request: Request, tags: Mapping[str, str]) -> dict[str, Any]:
    selector: dict[str, Any] = {
        "repositoryLocationName": location.name,
        "repositoryName": location.repository,
        "jobName": ASSET_JOB,
        "assetSelection": [{"path": key.split("/")} for key in request.assets],
    }
    if request.checks:  # with none given, Dagster runs all checks of the assets
        named = [{"assetKey": {"path": asset.split("/")}, "name": name} for asset, name in request.checks]
        selector["assetCheckSelection"] = named
    return {
        "selector": selector,
        "runConfigData": plain_json(request.config),
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
    }


def _mark(tags: Mapping[str, str]) -> dict[str, str]:
    """The tag that tells the runs of a request from all others."""
    return {REQUEST_TAG: tags[REQUEST_TAG]}


def _watch(webserver: Webserver, seen: "_Seen", tell: Tell) -> str:
    """Follow a run to its end, and return the status that it ended in."""
    cursor: str | None = None
    while True:
        page = webserver.look(seen.outcome.run_id, cursor)
        cursor = page.cursor
        for event in page.events:
            seen.take(event, tell)
        # The last events are written after the status.
        if page.status not in AT_WORK and not page.more and (seen.ended or not page.events):
            return page.status
        if not page.more:
            time.sleep(POLL_SECONDS)


def _end(webserver: Webserver, tags: Mapping[str, str], tell: Tell) -> None:
    """End the run of a request, wherever the signal came: also that which was asked for and has not answered yet."""
    deadline = time.monotonic() + END_SECONDS
    run_id = webserver.run_at_work(_mark(tags), MADE_SECONDS)
    if run_id is None:
        return
    tell(f"Dagster's run {run_id} is asked to end.")
    webserver.terminate(run_id)
    while webserver.look(run_id, None).status in AT_WORK and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


@dataclass
class _Seen:
    """What a run's events say that were looked at so far."""

    outcome: Outcome
    why: str | None = None
    failures: list[str] = field(default_factory=list)  # the classes of what the failed steps raised
    ended: bool = False

    @property
    def only_checks_failed(self) -> bool:
        return bool(self.failures) and all(name == BLOCKED for name in self.failures)

    def take(self, event: Mapping[str, Any], tell: Tell) -> None:
        match event["__typename"]:
            case "ExecutionStepStartEvent":
                tell(f"run: {event['stepKey'].replace('__', '/')}")
            case "MaterializationEvent":
                key, values = slashed(event), metadata_of(event)
                self.outcome.metadata[key] = values
                plain = {name: value for name, value in values.items() if isinstance(value, TABLE_VALUES)}
                self.outcome.scalars[key] = plain
            case "AssetCheckEvaluationEvent":
                self.outcome.checks.append(_checked(event["evaluation"]))
            case "ExecutionStepFailureEvent":
                self.failures.append((event.get("error") or {}).get("className") or "")
                self.why = self.why or f"{event['stepKey']}: {_cause(event)}"
            case "RunFailureEvent":
                self.ended, self.why = True, self.why or event["message"]
            case "RunSuccessEvent" | "RunCanceledEvent":
                self.ended = True


def _checked(found: Mapping[str, Any]) -> Checked:
    severity, text = dg.AssetCheckSeverity(found["severity"]), found["description"] or "failed"
    return Checked(slashed(found), found["checkName"], found["success"], severity, text, metadata_of(found))


def _cause(event: Mapping[str, Any]) -> str:
    error, messages = event.get("error"), []
    while error:
        messages.append(error["message"])
        error = error.get("cause")
    return in_short(messages)
