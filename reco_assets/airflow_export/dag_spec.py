"""What an Airflow DAG has beside its job: a file, tags, and the operators of tasks that are no plain runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reco_assets.airflow_export.operators import OfTask, Operator, Run
from reco_assets.pipelines.spec import JobSpec, Task


@dataclass(frozen=True)
class DagSpec:
    """A job as an Airflow DAG.

    `operators` are those of tasks that don't simply run their assets or function; `trigger_rules` the names of rules
    other than Airflow's own default; `own_args` are default arguments that win over those that all DAGs share.
    `in_dagster`: how tasks are asked for where a running Dagster makes their assets, if not simply by their names.
    """

    job: JobSpec
    file: str
    tags: tuple[str, ...]
    operators: Mapping[str, OfTask | Operator] = field(default_factory=dict)
    trigger_rules: Mapping[str, str] = field(default_factory=dict)
    own_args: Mapping[str, Any] = field(default_factory=dict)
    in_dagster: Mapping[str, Run] = field(default_factory=dict)

    @property
    def dag_id(self) -> str:
        """The documented id, which is the job's name."""
        return self.job.name

    @property
    def default_args(self) -> Mapping[str, Any]:
        """Its own default arguments, and those that say the limits of its job."""
        limits = self.job.limits
        if limits is None:
            return self.own_args
        ended = {"execution_timeout": limits.max_runtime}
        return {**self.own_args, "retries": limits.retries, "retry_delay": limits.retry_delay, **ended}

    def operator_of(self, task: Task) -> Operator:
        """The operator of a task, without what every task has."""
        operator = self.operators.get(task.name, Run())
        return operator if isinstance(operator, Operator) else operator.operator(task)

    def through_dagster(self) -> "DagSpec":
        """The same DAG, every asset of which is made by a running Dagster: no task is an application or a command."""
        made = {
            task.name: self.in_dagster.get(task.name, Run())
            for task in self.job.tasks
            if task.assets and not isinstance(self.operators.get(task.name, Run()), Run)
        }
        return replace(self, operators={**self.operators, **made})
