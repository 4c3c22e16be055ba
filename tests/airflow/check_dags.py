"""The check of exported DAG files: python -W always check_dags.py TABLE FOLDER FILE…

Prints one JSON object: for each file what is wrong with it, in sentences. The DAGs a file should hold are those the
table lists under its name. Every warning is a finding, except what Airflow itself warns of when its modules are first
imported. Without `-W always` most warnings would be hidden.
"""

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2.meta

# Airflow offers these to templates in both lines and in every kind of run; dates are missing in a manual run of 3.
TEMPLATE_NAMES = {"ti", "dag", "dag_run", "run_id", "task", "params", "var", "conn", "macros"}
LIBRARIES = sys.stdlib_module_names | {"common"}


def problems_of(path: Path, table: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one file, nothing when it is as documented."""
    tree = ast.parse(path.read_text())
    yield from _foreign_imports(tree)
    yield from _text_schedules(tree)
    found, errors = _load(path)
    yield from errors
    if any(not error.startswith("warns") for error in errors):
        return
    documented = {dag_id: row for dag_id, row in table.items() if row["file"] == path.name}
    if set(found) != set(documented):
        yield f"holds the DAGs {sorted(found)} instead of {sorted(documented)}"
    for dag_id in sorted(set(found) & set(documented)):
        yield from (f"{dag_id}: {problem}" for problem in _problems_of_dag(found[dag_id], documented[dag_id]))


def _foreign_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if not name.startswith("airflow.providers.") and name.partition(".")[0] not in LIBRARIES:
                yield f"imports {name}, which is not the same in both Airflow lines or not there"


def _text_schedules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="schedule", value=ast.Constant(value=str(text))):
                yield f"is scheduled by the text {text!r}, which means another day in Airflow 2 than in 3"


def _load(path: Path) -> tuple[dict[str, Any], list[str]]:
    for name in [name for name in sys.modules if name == "common" or name.startswith("common.")]:
        del sys.modules[name]  # the folder of the file before had its own
    sys.path.insert(0, str(path.parent))
    bag = dag_bag(path)
    sys.path.pop(0)
    errors = [f"is not imported: {error.strip().splitlines()[-1]}" for error in bag.import_errors.values()]
    heard = [warning for several in bag.captured_warnings.values() for warning in several]
    return bag.dags, [*errors, *(f"warns: {warning}" for warning in heard)]


def dag_bag(path: Path) -> Any:
    """The DAGs of a file or folder as Airflow finds them, without its examples."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 2.11
        from airflow.models.dagbag import DagBag

        return DagBag(path, include_examples=False)
    return DagBag(path)


def _problems_of_dag(dag: Any, row: dict[str, Any]) -> Iterator[str]:
    if "schedule" in row:
        yield from _differs("schedule", _schedule(dag), row["schedule"])
    if "tags" in row:
        yield from _differs("tags", sorted(dag.tags), sorted(row["tags"]))
    yield from _differs("catchup", dag.catchup, False)
    yield from _differs("max_active_runs", dag.max_active_runs, 1)
    yield from _differs("DAG-level callback", dag.on_failure_callback, None)
    limit = timedelta(hours=row["whole_run_hours"]) if "whole_run_hours" in row else None
    yield from _differs("limit of a whole run", _whole_run_limit(dag), limit)
    edges = {f"{task.task_id} > {below}" for task in dag.tasks for below in task.downstream_task_ids}
    yield from _differs("edges", sorted(edges), sorted(row["edges"]))
    yield from _differs("tasks", sorted(dag.task_ids), sorted(row["tasks"]))
    for task_id in sorted(set(dag.task_ids) & set(row["tasks"])):
        for problem in _problems_of_task(dag, dag.get_task(task_id), row, row["tasks"][task_id]):
            yield f"{task_id}: {problem}"


def _problems_of_task(dag: Any, task: Any, dag_row: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    yield from _differs("class", type(task).__name__, row["class"])
    yield from _differs("trigger rule", str(getattr(task.trigger_rule, "value", task.trigger_rule)), _rule(row))
    yield from _differs("owner", task.owner, dag_row.get("owner", "mlops"))
    yield from _differs("retries", task.retries, dag_row.get("retries", 1))
    yield from _differs("retry delay", task.retry_delay, timedelta(minutes=5))
    yield from _differs("depends_on_past", task.depends_on_past, False)
    timeout = timedelta(hours=dag_row["execution_timeout_hours"]) if "execution_timeout_hours" in dag_row else None
    yield from _differs("execution timeout", task.execution_timeout, timeout)
    yield from _differs("Airflow's own mail", task.email, None)
    yield from _differs("failure alerts", _names(task.on_failure_callback), ["tell_of_failure"])
    yield from (f"uses {name} in a template" for name in _unknown_template_names(dag, task))
    yield from _problems_of_arguments(task, row)


def _problems_of_arguments(task: Any, row: dict[str, Any]) -> Iterator[str]:
    given = getattr(task, "op_kwargs", {})
    if "application" in row:
        yield from _differs("application", task.application, row["application"])
        yield from _differs("arguments", list(task.application_args), row["arguments"])
        yield from _differs("connection", task._conn_id, "spark_default")
    for expected in (row.get("runs", {}), row.get("follows", {})):
        yield from _differs("arguments", {name: given.get(name) for name in expected}, expected)
    if row["class"] == "PythonOperator":
        yield from _differs("callable", task.python_callable.__name__, "run_reco")
        limit = timedelta(hours=row["hours"]) if "hours" in row else None
        yield from _differs("time limit", given.get("limit"), limit)
    if row["class"] == "BashOperator" and "hours" in row and task._pre_execute_hook is None:
        yield "has no time limit"
    if row.get("command", "") not in getattr(task, "bash_command", ""):
        yield f"does not run {row['command']}"
    if "triggers" in row:
        yield from _differs("triggered DAG", task.trigger_dag_id, row["triggers"])


def _schedule(dag: Any) -> str:
    """The cron expression in UTC of a schedule that dates its runs the same in both lines."""
    kind = type(dag.timetable).__name__
    if kind == "NullTimetable":
        return ""
    if kind != "CronTriggerTimetable":
        return f"a {kind}"
    expression = getattr(dag.timetable, "expression", None) or dag.timetable._expression
    zone = getattr(dag.timetable, "timezone", None) or dag.timetable._timezone
    return expression if str(getattr(zone, "name", zone)) == "UTC" else f"{expression} in {zone}"


def _whole_run_limit(dag: Any) -> Any:
    deadlines = getattr(dag, "deadline", None) or []
    slas = {task.sla for task in dag.tasks if getattr(task, "sla", None)}
    limits = {alert.interval for alert in deadlines} | slas
    return limits.pop() if len(limits) == 1 else limits or None


def _rule(row: dict[str, Any]) -> str:
    return str(row.get("trigger_rule", "all_success"))


def _names(callbacks: Any) -> list[str]:
    several = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    return [getattr(callback, "__name__", str(callback)) for callback in several if callback]


def _unknown_template_names(dag: Any, task: Any) -> list[str]:
    known = TEMPLATE_NAMES | set(dag.user_defined_macros or ())
    texts = [text for field in task.template_fields for text in _texts(getattr(task, field, None))]
    used = {name for text in texts for name in jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(text))}
    return sorted(used - known)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _differs(what: str, found: Any, expected: Any) -> Iterator[str]:
    if found != expected:
        yield f"{what} is {found!r} instead of {expected!r}"


def _import_airflow() -> None:
    """What the files import, beforehand, so that the warnings of Airflow's own modules are not taken for theirs."""
    for name in (
        "airflow.providers.apache.spark.operators.spark_submit",
        "airflow.providers.common.compat.sdk",
        "airflow.providers.slack.operators.slack_webhook",
        "airflow.providers.slack.notifications.slack_webhook",
        "airflow.providers.smtp.notifications.smtp",
        "airflow.providers.standard.operators.bash",
        "airflow.providers.standard.operators.empty",
        "airflow.providers.standard.operators.python",
        "airflow.providers.standard.operators.trigger_dagrun",
        "airflow.timetables.trigger",
    ):
        import_module(name)
    from airflow.providers.common.compat.sdk import DAG

    DAG(dag_id="warm_up")


def main(table: str, *files: str) -> None:
    """Checks the files against the table of documented DAGs."""
    documented = tomllib.loads(Path(table).read_text())
    _import_airflow()
    # Airflow's own log may be on stdout: the last line is ours.
    print(json.dumps({file: list(problems_of(Path(file), documented)) for file in files}))


if __name__ == "__main__":
    main(*sys.argv[1:])
