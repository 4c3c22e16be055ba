"""What a pipeline is made of, as data. What doesn't belong here: any pipeline, or how Dagster or Airflow runs one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

# One run at a time of each: two heavy ones would share two cores and one memory. See dagster.yaml.
HEAVY, INTAKE = "reco/heavy", "reco/intake"
CHOOSES_BY_REPORT = "check_retrain"


@dataclass(frozen=True)
class Task:
    """One documented task: the assets it makes (keys with slashes), behind the kinds of checks that it runs on every
    table, or a function of the settings, by its name in tasks/registry.py, whose value is whatever JSON can say.

    `sla` is how long it may take before someone hears of it; it goes on.
    """

    name: str
    assets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    function: str | None = None
    sla: timedelta | None = None


@dataclass(frozen=True)
class Limits:
    """What a document allows the runs of a pipeline.

    A task that fails is tried again `retries` times, each `retry_delay` after the failure. Someone hears of a run that
    takes longer than `sla` from when it was asked for; it goes on, and ends after `max_runtime` (Airflow: a task does).
    """

    retries: int
    retry_delay: timedelta
    sla: timedelta
    max_runtime: timedelta


@dataclass(frozen=True)
class JobSpec:
    """A pipeline with its tasks and its edges (upstream, downstream).

    `queue` is the run tag whose limit it shares, `config` the run configuration that makes it what it is. It runs by
    the cron expression (five fields, UTC) of the setting `cron_setting`, and by hand where there is none.
    `retrains`: a run of it merges the batches that wait and trains a model on them. `limits` are those of its document;
    `announced`: someone waits for its runs, and hears of those that succeed, too.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]
    edges: tuple[tuple[str, str], ...]
    queue: str = HEAVY
    config: Mapping[str, Any] = field(default_factory=dict)
    cron_setting: str | None = None
    retrains: bool = False
    limits: Limits | None = None
    announced: bool = False

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset the job makes, in the order of its tasks."""
        return tuple(asset for task in self.tasks for asset in task.assets)

    @property
    def checks(self) -> tuple[str, ...]:
        """Every kind of check that the job runs by itself, in the order of its tasks."""
        return tuple(kind for task in self.tasks for kind in task.checks)

    @property
    def follows_its_report(self) -> bool:
        """Whether a run makes a drift report and then chooses by it: in Airflow that leads to a retraining, too."""
        return any(task.function == CHOOSES_BY_REPORT for task in self.tasks)


def chain(*tasks: str) -> tuple[tuple[str, str], ...]:
    """The edges of tasks that follow one another."""
    return tuple(pairwise(tasks))
