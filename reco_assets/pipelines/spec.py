"""What a pipeline is made of, as data. What doesn't belong here: any pipeline, or how Dagster or Airflow runs one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from resources.settings import Settings

# One run at a time of each: two heavy ones would share two cores and one memory. See dagster.yaml.
HEAVY, INTAKE = "reco/heavy", "reco/intake"


@dataclass(frozen=True)
class Task:
    """One documented task: the assets it makes (keys with slashes), behind the kinds of checks that it runs on every
    table, or a function of the settings, whose value is whatever JSON can say.

    `missing` says in words what the platform does not have yet for the task to do what its document says.
    """

    name: str
    assets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    function: Callable[[Settings], Any] | None = None
    missing: str | None = None


@dataclass(frozen=True)
class JobSpec:
    """A pipeline with its tasks and its edges (upstream, downstream).

    `queue` is the run tag whose limit it shares, `config` the run configuration that makes it what it is.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]
    edges: tuple[tuple[str, str], ...]
    queue: str = HEAVY
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset the job makes, in the order of its tasks."""
        return tuple(asset for task in self.tasks for asset in task.assets)

    @property
    def checks(self) -> tuple[str, ...]:
        """Every kind of check that the job runs by itself, in the order of its tasks."""
        return tuple(kind for task in self.tasks for kind in task.checks)

    @property
    def missing(self) -> Mapping[str, str]:
        """What the platform does not have yet, by task; a pipeline runs only when this is empty."""
        return {task.name: task.missing for task in self.tasks if task.missing}


def chain(*tasks: str) -> tuple[tuple[str, str], ...]:
    """The edges of tasks that follow one another."""
    return tuple(pairwise(tasks))
