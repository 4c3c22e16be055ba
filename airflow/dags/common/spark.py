# Exported by `reco airflow export`.
"""What every SparkSubmitOperator of the platform's applications is given."""

from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from common.config import RECO_ENVIRONMENT, RESULTS_PATH, SPARK_CONF, SPARK_CONN_ID
from common.runner import result_of


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
    "post_execute": push_result,
}
