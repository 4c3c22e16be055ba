"""Initial training: ETL, the future ratings as CSV, a model, its evaluation. Started by hand.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `spark_etl` | SparkSubmitOperator | `bronze/ratings` |
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
| `spark_create_futures` | SparkSubmitOperator | `silver/future_csv` |
| `spark_train_recommender` | SparkSubmitOperator | `models/als_candidate` |
| `find_latest_model` | PythonOperator | `find_latest_model()` |
| `spark_test_recommender` | SparkSubmitOperator | `models/als_evaluation` |
|  |  | `models/als_experiment` |
|  |  | `models/als_champion` |
|  |  | `gold/recommendations_als` |
|  |  | `gold/similar_movies` |
|  |  | `gold/recommendations_why` |
|  |  | `gold/exposures` |
"""

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

from common.config import (
    COMBINED_PATH,
    DEFAULT_DAG_ARGS,
    FUTURE_CSV,
    MODELS_PATH,
    RATING_THRESHOLD,
    SPARK_APPS_PATH,
    START_DATE,
    TEST_PATH,
    TRAIN_PATH,
    K,
)
from common.runner import run_reco
from common.spark import SPARK_TASK
from common.tables import table

with DAG(
    dag_id="etl_train_test_pipeline",
    description="Initial training: ETL, the future ratings as CSV, a model, its evaluation. Started by hand.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=None,
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "spark",
        "ml",
        "etl",
        "training",
        "testing",
    ],
) as dag:
    spark_etl = SparkSubmitOperator(
        task_id="spark_etl",
        application=f"{SPARK_APPS_PATH}/etl.py",
        application_args=[
            "--train-file",
            f"{COMBINED_PATH}/train.txt",
            "--test-file",
            f"{COMBINED_PATH}/test.txt",
            "--parquet-train-path",
            TRAIN_PATH,
            "--parquet-test-path",
            TEST_PATH,
        ],
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
        **SPARK_TASK,
    )
    spark_create_futures = SparkSubmitOperator(
        task_id="spark_create_futures",
        application=f"{SPARK_APPS_PATH}/create_futures.py",
        application_args=[
            "--future-file",
            f"{COMBINED_PATH}/future.txt",
            "--csv-output-path",
            FUTURE_CSV,
        ],
        **SPARK_TASK,
    )
    spark_train_recommender = SparkSubmitOperator(
        task_id="spark_train_recommender",
        application=f"{SPARK_APPS_PATH}/train_recommender.py",
        application_args=[
            "--parquet-train-path",
            TRAIN_PATH,
            "--model-output-path",
            f"{MODELS_PATH}/version_{{timestamp}}",
        ],
        **SPARK_TASK,
    )
    find_latest_model = PythonOperator(
        task_id="find_latest_model",
        python_callable=run_reco,
        op_kwargs={
            "function": "find_latest_model",
        },
    )
    spark_test_recommender = SparkSubmitOperator(
        task_id="spark_test_recommender",
        application=f"{SPARK_APPS_PATH}/test_recommender.py",
        application_args=[
            "--model-path",
            "{{ ti.xcom_pull(task_ids='find_latest_model') }}",
            "--test-parquet",
            TEST_PATH,
            "--k",
            str(K),
            "--rating-threshold",
            str(RATING_THRESHOLD),
        ],
        outlets=[
            table("gold/recommendations_als"),
            table("gold/similar_movies"),
            table("gold/recommendations_why"),
            table("gold/exposures"),
        ],
        **SPARK_TASK,
    )

    spark_etl >> spark_create_futures
    spark_etl >> spark_train_recommender
    spark_train_recommender >> find_latest_model
    find_latest_model >> spark_test_recommender
