"""A progress bar over the steps of a run; where nobody watches, a line for each instead."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster import DagsterEventType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from reco_assets.build import build_definitions
from reco_assets.cli.summary import console
from reco_assets.pipelines.spec import JobSpec
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.results import checks_result, run_result
from reco_assets.runner.run import Outcome, materialize_assets, require_no_error, run_checks
from resources.dagster_home import HOME
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterEvent

CONSOLE = console(stderr=True, soft_wrap=True)
LONGEST = 3  # steps that are named at the end
LONG_SECONDS = 1.0  # who waited less asks for no reason
ENDED = frozenset({DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE, DagsterEventType.STEP_SKIPPED})


@dataclass
class Steps:
    """The steps of a run as its events tell of them: which there are to be, which began, what each took (seconds)."""

    began: float = field(default_factory=time.monotonic)
    planned: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    ended: dict[str, float] = field(default_factory=dict)

    def hear(self, step: str, event: "DagsterEvent") -> None:
        """Take an event in."""
        self.planned.add(step)  # all of them, before the first begins
        if event.is_step_start:
            self.started.add(step)
        if event.event_type in ENDED:
            self.ended[step] = getattr(event.event_specific_data, "duration_ms", 0.0) / 1000

    @property
    def position(self) -> str:
        """Which step is at work, and since when the run goes on."""
        return f"{len(self.started)} of {len(self.planned)}, {time.monotonic() - self.began:.1f} s"

    @property
    def summary(self) -> str | None:
        """How long it took and what took longest; None where that was short."""
        longest = sorted(self.ended, key=lambda step: -self.ended[step])[:LONGEST]
        told = [f"{_shown(step)} {self.ended[step]:.1f} s" for step in longest if self.ended[step] >= LONG_SECONDS]
        took = f"{len(self.ended)} of {len(self.planned)} steps in {time.monotonic() - self.began:.1f} s"
        return f"{took}, of which {', '.join(told)}" if told else None


def _shown(step: str) -> str:
    return step.replace("__", "/")


def run_with_progress(
    settings: Settings, assets: Sequence[str], title: str, config: Mapping[str, Mapping[str, Any]] | None = None
) -> Outcome:
    """Materialise assets, showing the step at work, and hand the result over. Raises `RunFailedError`."""
    return _handed_over(settings, _run(settings, assets, title, config))


def job_with_progress(settings: Settings, spec: JobSpec, config: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """As `run_with_progress`, as a run of that job, which Dagit shows among the job's own."""
    return _handed_over(settings, _run(settings, spec.assets, spec.name, config, job=spec.name))


def _handed_over(settings: Settings, outcome: Outcome) -> Outcome:
    hand_over(settings, run_result(settings, outcome))
    return outcome


def result_with_progress(
    settings: Settings, assets: Sequence[str], config: Mapping[str, Mapping[str, Any]] | None = None
) -> Mapping[str, Any]:
    """As `run_with_progress`; the result as it was handed over."""
    return hand_over(settings, run_result(settings, _run(settings, assets, "run", config)))


def _run(
    settings: Settings,
    assets: Sequence[str],
    title: str,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    job: str | None = None,
) -> Outcome:
    """Progress goes to standard error: standard output is for what a command has to say."""
    _hush(settings)
    _say_if_unrecorded()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=CONSOLE, disable=CONSOLE.quiet or not CONSOLE.is_terminal
    ) as progress:
        task, tuning = progress.add_task(title, total=None), progress.add_task("", visible=False)
        steps = Steps()

        def listen(step: str, event: "DagsterEvent") -> None:
            steps.hear(step, event)
            progress.update(task, completed=len(steps.ended), total=len(steps.planned))
            if event.is_step_start:
                progress.update(task, description=f"{title}: {_shown(step)}")
                if progress.disable:
                    CONSOLE.print(f"{title}: {_shown(step)} ({steps.position})")
            if (trial := _trial_of(event)) is not None:
                described, done, total = trial
                progress.update(tuning, description=described, completed=done, total=total, visible=True)
                if progress.disable:
                    CONSOLE.print(f"{described} ({done} of {total})")

        outcome = materialize_assets(build_definitions, settings, assets, listen, config, job=job)
        progress.update(task, description=title)
    if steps.summary:
        CONSOLE.print(f"{title}: {steps.summary}")
    return outcome


def _hush(settings: Settings) -> None:
    """Where runs log in JSON, their lines say it all."""
    CONSOLE.quiet = settings.logs.format == "json"


def _say_if_unrecorded() -> None:
    if not os.environ.get(HOME):
        text = f"{HOME} is not set: this run is recorded nowhere, and Dagit does not show it."
        CONSOLE.print(text)


def _trial_of(event: "DagsterEvent") -> tuple[str, int, int] | None:
    """Of the observation that a tuning makes after each trial: what to show, how many are done, of how many."""
    if event.event_type_value != "ASSET_OBSERVATION":
        return None
    seen = {name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()}
    if not {"part", "done", "of"} <= seen.keys():
        return None
    best = ", ".join(f"{name} {value:.4f}" for name, value in seen.items() if name.startswith("best_"))
    return f"tuning the {seen['part']} part: {best}", int(str(seen["done"])), int(str(seen["of"]))


def check_with_progress(settings: Settings, kinds: Sequence[str], assets: Sequence[str] = ()) -> Mapping[str, Any]:
    """Run checks of all tables, with a line for each step, then make assets whatever the checks found.

    Returns the result of both as it was handed over. Raises `ChecksFailedError` when a check found an
    error, at the end: a report on the tables is wanted most then.
    """

    steps = Steps()

    def listen(step: str, event: "DagsterEvent") -> None:
        steps.hear(step, event)
        if event.is_step_start:
            CONSOLE.print(f"run: {_shown(step)} ({steps.position})")

    _hush(settings)
    if not assets:
        _say_if_unrecorded()
    checked = run_checks(build_definitions, settings, kinds, listen=listen)
    made = run_result(settings, _run(settings, assets, "run")) if assets else {}
    require_no_error(checked.checks)
    return hand_over(settings, made | checks_result(checked))
