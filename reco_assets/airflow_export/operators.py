"""The documented operator classes as calls in source text, each with the arguments it is given.

What belongs here: one function per kind of task. What doesn't: any DAG's tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reco_assets.airflow_export.code import Call, Entries, Joined, Name, Term, below
from reco_assets.pipelines.jobs import Task

STANDARD = "airflow.providers.standard.operators"
PYTHON = Name(f"{STANDARD}.python", "PythonOperator")
BRANCH = Name(f"{STANDARD}.python", "BranchPythonOperator")
BASH = Name(f"{STANDARD}.bash", "BashOperator")
EMPTY = Name(f"{STANDARD}.empty", "EmptyOperator")
TRIGGER = Name(f"{STANDARD}.trigger_dagrun", "TriggerDagRunOperator")
SPARK_SUBMIT = Name("airflow.providers.apache.spark.operators.spark_submit", "SparkSubmitOperator")
SLACK = Name("airflow.providers.slack.operators.slack_webhook", "SlackWebhookOperator")
DAG = Name("airflow.providers.common.compat.sdk", "DAG")
TRIGGER_RULE = Name("airflow.providers.common.compat.sdk", "TriggerRule")


def config(name: str) -> Name:
    """A constant of common/config.py."""
    return Name("common.config", name)


def result_of(task: str) -> str:
    """What an upstream task pushed to XCom, as the template that Airflow renders when the task runs."""
    return f"{{{{ ti.xcom_pull(task_ids='{task}') }}}}"


@dataclass(frozen=True)
class Run:
    """The runner on a task's own assets, checks or function.

    `steps` is the configuration of Dagster steps, `weekday` the only day of the week with something to do, `limit` how
    long it may take before someone hears of it.
    """

    steps: Mapping[str, Mapping[str, Any]] | None = None
    weekday: str | None = None
    limit: timedelta | None = None

    def call(self, task: Task) -> Call:
        """A PythonOperator; what the platform lacks is asked for by the task's name."""
        asked = {"checks": task.checks, "select": task.assets}
        what: dict[str, Any] = {name: Joined(texts) for name, texts in asked.items() if texts and not task.missing}
        what = what or {"function": task.function.__name__ if task.function else task.name}
        options = {"config": self.steps, "weekday": self.weekday, "limit": self.limit}
        given = what | {name: value for name, value in options.items() if value is not None}
        return Call(PYTHON, {"python_callable": Name("common.runner", "run_reco"), "op_kwargs": given})


def spark_submit(application: str, *arguments: str | Name | Term, on_report_of: str | None = None) -> Call:
    """An application of the platform on the connection spark_default, whose result goes to XCom.

    `on_report_of` is the task whose drift report called for it.
    """
    shared = Name("common.spark", "SPARK_TASK")
    asked = Call(Name("common.spark", "on_report_of"), positional=on_report_of) if on_report_of else shared
    given = {"application": below(config("SPARK_APPS_PATH"), f"/{application}"), "application_args": arguments}
    return Call(SPARK_SUBMIT, given, spread=(asked,))


def bash(command: str, limit: timedelta, **variables: Name) -> Call:
    """A shell command with a limit as of `Run`; its variables come from the environment, so no path needs quoting."""
    env = Entries(variables, spread=(config("RECO_ENVIRONMENT"),))
    given = {"bash_command": command, "env": env, "append_env": True}
    return Call(BASH, given, spread=(Call(Name("common.alerts", "limited_to"), positional=limit),))


def branch(reads: str, key: str, names: Mapping[str, str] | None = None) -> Call:
    """The way that the result of the task `reads` names under `key`; the callable decides nothing.

    `names` are this DAG's ids of the tasks where they differ from those that the platform's decision names.
    """
    given: dict[str, Any] = {"task_id": reads, "key": key} | ({"names": names} if names else {})
    return Call(BRANCH, {"python_callable": Name("common.runner", "follow_decision"), "op_kwargs": given})


def empty() -> Call:
    """Nothing to run: the end of a branch."""
    return Call(EMPTY)


def slack_message(message: str) -> Call:
    """A message of common/alerts.py, by its name there, on the connection slack_default."""
    return Call(SLACK, {"message": Name("common.alerts", message)}, spread=(Name("common.alerts", "SLACK_TASK"),))


def trigger_dag(dag_id: str, report: str) -> Call:
    """The start of another DAG, which is told the drift report (a template) that calls for it."""
    return Call(TRIGGER, {"trigger_dag_id": dag_id, "conf": {"report": report}})
