"""Daily checks of the tables: their schema, then quality, distributions and anomalies.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `validate_schema` | PythonOperator | the checks `schema` of every table |
| `check_data_quality` | PythonOperator | the checks `nulls`, `ranges`, `references`, `row_count` of every table |
|  |  | `quality/report` |
| `check_distributions` | PythonOperator | the checks `distributions` of every table |
| `detect_anomalies` | PythonOperator | the checks `duplicates`, `outliers` of every table |
"""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

from common.config import (
    DEFAULT_DAG_ARGS,
    START_DATE,
)
from common.runner import run_reco
from common.timing import cron

with DAG(
    dag_id="data_validation_dag",
    description="Daily checks of the tables: their schema, then quality, distributions and anomalies.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=cron("0 0 * * *"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "validation",
        "quality",
    ],
) as dag:
    validate_schema = PythonOperator(
        task_id="validate_schema",
        python_callable=run_reco,
        op_kwargs={
            "checks": "schema",
        },
    )
    check_data_quality = PythonOperator(
        task_id="check_data_quality",
        python_callable=run_reco,
        op_kwargs={
            "checks": ",".join(
                [
                    "nulls",
                    "ranges",
                    "references",
                    "row_count",
                ]
            ),
            "select": "quality/report",
        },
    )
    check_distributions = PythonOperator(
        task_id="check_distributions",
        python_callable=run_reco,
        op_kwargs={
            "checks": "distributions",
        },
    )
    detect_anomalies = PythonOperator(
        task_id="detect_anomalies",
        python_callable=run_reco,
        op_kwargs={
            "checks": ",".join(
                [
                    "duplicates",
                    "outliers",
                ]
            ),
        },
    )

    validate_schema >> check_data_quality
    validate_schema >> check_distributions
    validate_schema >> detect_anomalies
