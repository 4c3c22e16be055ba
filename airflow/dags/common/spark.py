# Exported by `reco airflow export`.
"""What every SparkSubmitOperator of the platform's applications is given."""

from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from common.config import RECO_ENVIRONMENT, RESULTS_PATH, SPARK_CONF, SPARK_CONN_ID
from common.connections import steering
from common.runner import result_of


def steer(context: dict[str, Any]) -> None:
    """`pre_execute` of SparkSubmitOperator: Airflow's variables and connections steer the application."""
    task = context["ti"].task
    task.env_vars = {**task.env_vars, **steering(context)}


def push_result(context: dict[str, Any], _result: Any = None) -> None:
    """`post_execute` of SparkSubmitOperator, which has no result: pushes what the application left in a file.

    Raises AirflowException when it left none.
    """
    ti = context["ti"]
    path = Path(RESULTS_PATH, ti.dag_id, ti.run_id, f"{ti.task_id}.json")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AirflowException(f"The application ended without a result: there is no {path}") from None
    ti.xcom_push(key="return_value", value=result_of(text))
    path.unlink()  # a later attempt that leaves none must not find this one


SPARK_TASK = {
    "conn_id": SPARK_CONN_ID,
    "conf": SPARK_CONF,
    "env_vars": RECO_ENVIRONMENT,
    "pre_execute": steer,
    "post_execute": push_result,
}


def on_report_of(task_id: str) -> dict[str, Any]:
    """`SPARK_TASK` for what is done because of the drift report that another task made: the platform records which."""
    result = f"(ti.xcom_pull(task_ids='{task_id}') or {{}})"
    report = f"{{{{ {result}.get('retrain_decision', {{}}).get('report_id', '') }}}}"
    return {**SPARK_TASK, "env_vars": {**RECO_ENVIRONMENT, "RECO_DRIFT_REPORT": report}}
