"""Training by three variables: how old ratings may be, what is relevant, the registered name.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `extract_and_validate` | PythonOperator | `bronze/ratings` |
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
| `engineer_features` | PythonOperator | `features/store` |
| `train_and_tune` | PythonOperator | `models/als_candidate` |
| `evaluate_and_register` | PythonOperator | `models/als_evaluation` |
|  |  | `models/als_experiment` |
|  |  | `models/als_champion` |
|  |  | `gold/recommendations_als` |
|  |  | `gold/similar_movies` |
|  |  | `gold/recommendations_why` |
|  |  | `gold/exposures` |
"""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

from common.config import (
    DEFAULT_DAG_ARGS,
    START_DATE,
)
from common.runner import run_reco
from common.tables import table

with DAG(
    dag_id="model_training_dag",
    description="Training by three variables: how old ratings may be, what is relevant, the registered name.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=None,
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "training",
        "tuning",
    ],
) as dag:
    extract_and_validate = PythonOperator(
        task_id="extract_and_validate",
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
    engineer_features = PythonOperator(
        task_id="engineer_features",
        python_callable=run_reco,
        op_kwargs={
            "select": "features/store",
        },
    )
    train_and_tune = PythonOperator(
        task_id="train_and_tune",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/als_candidate",
            "config": {
                "models__als_candidate": {
                    "tune": 20,
                },
            },
        },
    )
    evaluate_and_register = PythonOperator(
        task_id="evaluate_and_register",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
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

    extract_and_validate >> engineer_features
    engineer_features >> train_and_tune
    train_and_tune >> evaluate_and_register
