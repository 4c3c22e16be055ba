"""Bronze to recommendations: the daily main job.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `run_etl_bronze_to_silver` | PythonOperator | `bronze/ratings` |
|  |  | `bronze/movies` |
|  |  | `bronze/tags` |
|  |  | `silver/ratings` |
|  |  | `silver/quarantine_ratings` |
|  |  | `silver/movies` |
|  |  | `silver/quarantine_movies` |
|  |  | `silver/tags` |
|  |  | `silver/quarantine_tags` |
|  |  | `silver/etl_report` |
|  |  | `silver/split_ratings` |
|  |  | `silver/train_ratings` |
|  |  | `silver/test_ratings` |
|  |  | `silver/future_ratings` |
|  |  | `silver/future_csv` |
| `verify_silver_output` | PythonOperator | `verify_silver()` |
| `run_train_als_generate_recos` | PythonOperator | `models/als_candidate` |
|  |  | `models/als_evaluation` |
|  |  | `models/als_experiment` |
|  |  | `models/als_champion` |
|  |  | `gold/recommendations_als` |
|  |  | `gold/similar_movies` |
|  |  | `gold/recommendations_why` |
|  |  | `gold/exposures` |
| `verify_gold_output` | PythonOperator | `verify_gold()` |
"""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

from common.config import (
    DEFAULT_DAG_ARGS,
    START_DATE,
)
from common.runner import run_reco
from common.tables import table
from common.timing import cron

with DAG(
    dag_id="reco_pipeline",
    description="Bronze to recommendations: the daily main job.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=cron("0 0 * * *"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "etl",
        "training",
        "recommendations",
    ],
) as dag:
    run_etl_bronze_to_silver = PythonOperator(
        task_id="run_etl_bronze_to_silver",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
                    "bronze/ratings",
                    "bronze/movies",
                    "bronze/tags",
                    "silver/ratings",
                    "silver/quarantine_ratings",
                    "silver/movies",
                    "silver/quarantine_movies",
                    "silver/tags",
                    "silver/quarantine_tags",
                    "silver/etl_report",
                    "silver/split_ratings",
                    "silver/train_ratings",
                    "silver/test_ratings",
                    "silver/future_ratings",
                    "silver/future_csv",
                ]
            ),
        },
        outlets=[
            table("bronze/ratings"),
            table("bronze/movies"),
            table("bronze/tags"),
            table("silver/ratings"),
            table("silver/quarantine_ratings"),
            table("silver/movies"),
            table("silver/quarantine_movies"),
            table("silver/tags"),
            table("silver/quarantine_tags"),
            table("silver/split_ratings"),
            table("silver/train_ratings"),
            table("silver/test_ratings"),
            table("silver/future_ratings"),
        ],
    )
    verify_silver_output = PythonOperator(
        task_id="verify_silver_output",
        python_callable=run_reco,
        op_kwargs={
            "function": "verify_silver",
        },
    )
    run_train_als_generate_recos = PythonOperator(
        task_id="run_train_als_generate_recos",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
                    "models/als_candidate",
                    "models/als_evaluation",
                    "models/als_experiment",
                    "models/als_champion",
                    "gold/recommendations_als",
                    "gold/similar_movies",
                    "gold/recommendations_why",
                    "gold/exposures",
                ]
            ),
        },
        outlets=[
            table("gold/recommendations_als"),
            table("gold/similar_movies"),
            table("gold/recommendations_why"),
            table("gold/exposures"),
        ],
    )
    verify_gold_output = PythonOperator(
        task_id="verify_gold_output",
        python_callable=run_reco,
        op_kwargs={
            "function": "verify_gold",
        },
    )

    run_etl_bronze_to_silver >> verify_silver_output
    verify_silver_output >> run_train_als_generate_recos
    run_train_als_generate_recos >> verify_gold_output
