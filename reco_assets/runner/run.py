"""Materialising assets from Python: the same graph, resources and checks as in Dagit, in this process."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from reco_assets.runner.ends import cancel_if_stopped, cancel_unless_ended, first_failure, raise_if_stopped
from reco_assets.runner.selection import RunRequestError, nearest, selected_assets
from resources.airflow import airflow_task
from resources.dagster_home import open_instance
from resources.errors import RecoError
from resources.orchestrator.dagster_private import make_new_run_id
from resources.orchestrator.json_logs import log_as
from resources.orchestrator.run_locks import living
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import AssetCheckEvaluation, DagsterEvent, ExecuteInProcessResult

SCALARS = (
    dg.IntMetadataValue,
    dg.FloatMetadataValue,
    dg.BoolMetadataValue,
    dg.TextMetadataValue,
    dg.PathMetadataValue,
)
BLOCKED = "DagsterAssetCheckFailedError"  # of a step whose blocking check failed; Dagster has it in no public module
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailedError(RecoError):
    """A run failed; the message is the first failed step's own, one clear line where the platform raised it."""


class ChecksFailedError(RunFailedError):
    """A check found an error; the message names the tables, the checks and what they found."""


@dataclass(frozen=True)
class Checked:
    """How one check of an asset ended: `text` says it in words, `figures` is its metadata as plain values."""

    asset: str
    name: str
    passed: bool
    severity: dg.AssetCheckSeverity
    text: str
    figures: Mapping[str, Any]

    @property
    def is_error(self) -> bool:
        """Whether it failed, and not as a mere warning."""
        return not self.passed and self.severity is dg.AssetCheckSeverity.ERROR


@dataclass
class Outcome:
    """What a run did: its id, the metadata of each materialised asset (key with slashes) as plain values, and how
    each check ended.

    `scalars` has of each asset's metadata only what is one number, truth value, short string or path.
    """

    run_id: str
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    scalars: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: list[Checked] = field(default_factory=list)


Listener = Callable[[str, "DagsterEvent"], None]
Build = Callable[[Settings], dg.Definitions]


def materialize_assets(
    build: Build,
    settings: Settings,
    assets: Sequence[str],
    listen: Listener | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    job: str | None = None,
) -> Outcome:
    """Materialise assets in one run, with their checks.

    The run is recorded under DAGSTER_HOME where that is set, and nowhere otherwise; in an Airflow task it is tagged
    with Airflow's ids.

    Args:
        build: Makes the definitions of these settings: the graph and its resources.
        settings: Where the lakehouse is, and which Airflow task asks.
        assets: What to make, in the words of `selected_assets`.
        listen: Called with (step key, event) as the run goes on.
        config: The configuration of steps by name.
        job: The job that is run, with its tags and under its name in Dagit, whose assets these are; None: no job.

    Raises:
        RunRequestError: There is no such asset or step, or the configuration does not fit.
        RunFailedError: A step failed.
        ChecksFailedError: No step failed but by a check that found an error.
    """
    definitions = build(settings)
    selected = selected_assets(definitions.resolve_asset_graph(), assets)
    run_config = step_config({node.assets_def.op.name for node in selected}, config or {})
    run = definitions.resolve_job_def(job) if job else definitions.resolve_implicit_global_asset_job_def()
    result = _execute(settings, run, listen, run_config, asset_selection=[node.key for node in selected])
    if not result.success:
        if _only_checks_failed(result):
            require_no_error(_outcome(result).checks)
        raise RunFailedError(first_failure(result))
    return _outcome(result)


def run_checks(
    build: Build,
    settings: Settings,
    kinds: Collection[str],
    tables: Collection[str] | None = None,
    listen: Listener | None = None,
) -> Outcome:
    """Run checks of tables in one run, whatever they find.

    `build`, `settings`, `listen` and the run's record are as of `materialize_assets`.

    Args:
        kinds: The names of the checks.
        tables: The tables that are checked; None: all.

    Raises:
        RunRequestError: There is no such check.
        RunFailedError: A check could not be run at all.
    """
    definitions = build(settings)
    chosen = chosen_checks(definitions, kinds, tables)
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=chosen)
    result = _execute(settings, job, listen)
    if not result.success and not _only_checks_failed(result):
        raise RunFailedError(first_failure(result))
    return _outcome(result)


def chosen_checks(
    definitions: dg.Definitions, kinds: Collection[str], tables: Collection[str] | None = None
) -> set[dg.AssetCheckKey]:
    """The checks of some kinds, of some tables or of all. Raises `RunRequestError` where there is none.

    One that Dagster can run with its asset alone, as it looks at what the run has made, is not among them.
    """
    graph = definitions.resolve_asset_graph()
    bound = {key for key in graph.asset_check_keys if _is_made_with_its_asset(graph.assets_def_for_key(key))}
    known = graph.asset_check_keys - bound
    names = {key.name for key in known}
    for kind in kinds:
        if made := [key.asset_key.to_user_string() for key in bound if key.name == kind]:
            raise RunRequestError(f"{kind} is checked where {made[0]} is made, not alone: reco run --select {made[0]}.")
        if kind not in names:
            raise RunRequestError(f"There is no check {kind!r}. {nearest(kind, names)}")
    chosen = {
        key for key in known if key.name in kinds and (tables is None or key.asset_key.to_user_string() in tables)
    }
    if not chosen:
        raise RunRequestError(f"There is nothing to check: {', '.join(kinds)} of {', '.join(tables or ())}.")
    return chosen


def _is_made_with_its_asset(checks: dg.AssetsDefinition) -> bool:
    return bool(checks.keys) and not checks.can_subset


def require_no_error(checks: Collection[Checked]) -> None:
    """Raise `ChecksFailedError` if a check found an error; a warning is none."""
    if errors := [f"{found.asset}: {found.name}: {found.text}" for found in checks if found.is_error]:
        raise ChecksFailedError(f"{len(errors)} of {len(checks)} checks failed. {' | '.join(errors)}")


def _execute(
    settings: Settings,
    job: dg.JobDefinition,
    listen: Listener | None,
    config: Mapping[str, Any] | None = None,
    asset_selection: Sequence[dg.AssetKey] | None = None,
) -> "ExecuteInProcessResult":
    run_id, task = make_new_run_id(), airflow_task(settings)
    log_as(settings.logs.format)
    heard = {} if settings.logs.format == "json" else QUIET
    with open_instance() as instance, living(instance, settings.storage.root, run_id):
        if listen is not None:
            instance.add_event_listener(run_id, lambda entry: _pass_on(entry, listen))
        instance.add_event_listener(run_id, lambda entry: cancel_if_stopped(instance, entry))
        try:
            result = job.execute_in_process(
                run_config={**heard, **(config or {})},
                instance=instance,
                run_id=run_id,
                tags=task.tags() if task else None,
                asset_selection=asset_selection,
                raise_on_error=False,
            )
        except dg.DagsterInvalidConfigError as error:
            raise RunRequestError(" ".join(found.message for found in error.errors)) from None
        except KeyboardInterrupt:
            cancel_unless_ended(instance, run_id)
            raise
        raise_if_stopped(instance, run_id)
        return result


def step_config(steps: Collection[str], config: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Run configuration of steps by name. Raises `RunRequestError` for a step that the run does not have."""
    for step in config:
        if step not in steps:
            raise RunRequestError(f"The run has no step {step!r} to configure. {nearest(step, steps)}")
    return {"ops": {step: {"config": dict(values)} for step, values in config.items()}}


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
    outcome.checks = sorted((_checked(found) for found in result.get_asset_check_evaluations()), key=by_asset)
    return outcome


def _checked(found: "AssetCheckEvaluation") -> Checked:
    figures = {name: value.value for name, value in found.metadata.items()}
    text = found.description or ("passed" if found.passed else "failed")
    return Checked(found.asset_key.to_user_string(), found.check_name, found.passed, found.severity, text, figures)


def by_asset(checked: Checked) -> tuple[str, str]:
    """The order in which checks are shown."""
    return checked.asset, checked.name


def _only_checks_failed(result: "ExecuteInProcessResult") -> bool:
    """Whether nothing went wrong but what checks that block found: Dagster fails the steps of those."""
    failed = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return bool(failed) and all(error is not None and error.cls_name == BLOCKED for error in failed)
