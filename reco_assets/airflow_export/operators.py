"""The documented operator classes, each with the arguments it is given.

What belongs here: one function per kind of task. What doesn't: any DAG's tasks, and how a call is laid out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reco_assets.airflow_export.literals import Code, Joined, Over, literal
from reco_assets.pipelines.spec import Task

STANDARD = "airflow.providers.standard.operators"
AIRFLOW_MODULES = {
    "BashOperator": f"{STANDARD}.bash",
    "BranchPythonOperator": f"{STANDARD}.python",
    "DAG": "airflow.providers.common.compat.sdk",
    "EmptyOperator": f"{STANDARD}.empty",
    "PythonOperator": f"{STANDARD}.python",
    "SlackWebhookOperator": "airflow.providers.slack.operators.slack_webhook",
    "SparkSubmitOperator": "airflow.providers.apache.spark.operators.spark_submit",
    "TriggerDagRunOperator": f"{STANDARD}.trigger_dagrun",
    "TriggerRule": "airflow.providers.common.compat.sdk",
    "timedelta": "datetime",
}


@dataclass(frozen=True)
class Operator:
    """A call of an operator class with keyword arguments; `spread` is a mapping, as source, whose entries come last."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    spread: str | None = None


class OfTask(Protocol):
    """An operator whose arguments come from the task's own spec."""

    def operator(self, task: Task) -> Operator:
        """The call for this task."""


@dataclass(frozen=True)
class Run:
    """The runner on a task's own assets, checks or function.

    `steps` is the configuration of Dagster steps, `variables` are constants of common/config.py that it finds in its
    environment under the same names.
    """

    steps: Mapping[str, Mapping[str, Any]] | None = None
    variables: tuple[str, ...] = ()

    def operator(self, task: Task) -> Operator:
        """A PythonOperator."""
        asked = {"checks": task.checks, "select": task.assets}
        what: dict[str, Any] = {name: _joined(texts) for name, texts in asked.items() if texts}
        what = what or {"function": task.function}
        variables = {name: Code(name) for name in self.variables} or None
        options = {"config": self.steps, "variables": variables, "limit": task.sla}
        given = what | {name: value for name, value in options.items() if value is not None}
        return Operator("PythonOperator", {"python_callable": Code("run_reco"), "op_kwargs": given})


@dataclass(frozen=True)
class Bash:
    """A shell command; its variables come from the environment, so no path needs quoting.

    `variables` are constants of common/config.py, which the command finds under the same names.
    """

    command: str
    variables: tuple[str, ...]

    def operator(self, task: Task) -> Operator:
        """A BashOperator with the task's limit, which no part of the command knows."""
        env = Over((Code("RECO_ENVIRONMENT"),), {name: Code(name) for name in self.variables})
        given = {"bash_command": self.command, "env": env, "append_env": True}
        return Operator("BashOperator", given, f"limited_to({literal(task.sla)})" if task.sla else None)


def _joined(texts: tuple[str, ...]) -> str | Joined:
    return texts[0] if len(texts) == 1 else Joined(texts)


# Airflow 3: a run that is triggered by hand has no logical date.
RUN_DAY = "{{ (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%d') }}"


def result_of(task: str) -> str:
    """What an upstream task pushed to XCom, as the template that Airflow renders when the task runs."""
    return f"{{{{ ti.xcom_pull(task_ids='{task}') }}}}"


def report_of(task: str) -> str:
    """The id of the drift report that an upstream task made, as such a template."""
    return f"{{{{ ti.xcom_pull(task_ids='{task}')['retrain_decision']['report_id'] }}}}"


def spark_submit(application: str, *arguments: str | Code, on_report_of: str | None = None) -> Operator:
    """An application of the platform on the connection spark_default, whose result goes to XCom.

    `on_report_of` is the task whose drift report called for it.
    """
    given = {"application": Code(f'f"{{SPARK_APPS_PATH}}/{application}"'), "application_args": arguments}
    shared = f"on_report_of({literal(on_report_of)})" if on_report_of else "SPARK_TASK"
    return Operator("SparkSubmitOperator", given, shared)


def branch(reads: str, key: str, names: Mapping[str, str] | None = None) -> Operator:
    """The way that the result of the task `reads` names under `key`; the callable decides nothing.

    `names` are this DAG's ids of the tasks where they differ from those that the platform's decision names.
    """
    given: dict[str, Any] = {"task_id": reads, "key": key} | ({"names": names} if names else {})
    return Operator("BranchPythonOperator", {"python_callable": Code("follow_decision"), "op_kwargs": given})


def empty() -> Operator:
    """Nothing to run: the end of a branch."""
    return Operator("EmptyOperator")


def slack_message(message: str) -> Operator:
    """A message of common/alerts.py, by its name there, on the connection slack_default."""
    return Operator("SlackWebhookOperator", {"message": Code(message)}, "SLACK_TASK")


def trigger_dag(dag_id: str, report: str) -> Operator:
    """The start of another DAG, which is told the drift report (a template) that calls for it."""
    return Operator("TriggerDagRunOperator", {"trigger_dag_id": dag_id, "conf": {"report": report}})
