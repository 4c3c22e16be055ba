"""The platform is in another environment."""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator

from common.config import DEFAULT_DAG_ARGS, START_DATE
from common.runner import run_reco
from common.timing import cron
from reco_assets.pipelines.documented import RECO_PIPELINE  # noqa: F401

with DAG(
    dag_id="toy",
    default_args=DEFAULT_DAG_ARGS,
    schedule=cron("0 0 * * *"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
):
    first = PythonOperator(task_id="first", python_callable=run_reco, op_kwargs={"function": "first"})
    second = EmptyOperator(task_id="second")
    first >> second
