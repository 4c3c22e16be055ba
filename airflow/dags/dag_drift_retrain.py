"""New files to drift reports and, where they call for it, to a retrained model; else it stops there.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `process_streaming_data` | SparkSubmitOperator | `stream/ratings` |
|  |  | `stream/quarantine` |
|  |  | `gold/recommendations_fresh` |
| `find_current_model` | PythonOperator | `find_current_model()` |
| `detect_drift` | SparkSubmitOperator | `drift/data_drift` |
|  |  | `drift/model_drift` |
|  |  | `drift/report` |
| `check_retrain` | BranchPythonOperator | `check_retrain()` |
| `skip_retrain` | EmptyOperator |  |
| `merge_streaming_data` | SparkSubmitOperator | `stream/accepted` |
|  |  | `silver/train_ratings` |
|  |  | `silver/test_ratings` |
| `train_recommender` | SparkSubmitOperator | `models/als_candidate` |
| `find_latest_model` | PythonOperator | `find_latest_model()` |
| `test_recommender` | SparkSubmitOperator | `models/als_evaluation` |
|  |  | `models/als_experiment` |
|  |  | `models/als_champion` |
|  |  | `gold/recommendations_als` |
|  |  | `gold/similar_movies` |
|  |  | `gold/recommendations_why` |
|  |  | `gold/exposures` |
"""

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import (
    BranchPythonOperator,
    PythonOperator,
)

from common.config import (
    DEFAULT_DAG_ARGS,
    MODELS_PATH,
    PROCESSED_PATH,
    RATING_THRESHOLD,
    SHUFFLE_PARTITIONS,
    SPARK_APPS_PATH,
    START_DATE,
    STREAMING_PATH,
    TEST_PATH,
    TRAIN_PATH,
    TRAIN_RATIO,
    K,
)
from common.runner import (
    follow_decision,
    run_reco,
)
from common.spark import (
    SPARK_TASK,
    on_report_of,
)
from common.tables import table
from common.timing import cron

with DAG(
    dag_id="drift_detection_retrain_pipeline",
    description="New files to drift reports and, where they call for it, to a retrained model; else it stops there.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=cron("0 0 * * *"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "spark",
        "ml",
        "drift-detection",
        "retraining",
        "monitoring",
    ],
) as dag:
    process_streaming_data = SparkSubmitOperator(
        task_id="process_streaming_data",
        application=f"{SPARK_APPS_PATH}/drift_detection.py",
        application_args=[
            "process",
            "--csv_path",
            f"{STREAMING_PATH}/current.csv",
            "--output_path",
            STREAMING_PATH,
            "--train_ratio",
            str(TRAIN_RATIO),
            "--shuffle_partitions",
            str(SHUFFLE_PARTITIONS),
        ],
        outlets=[
            table("stream/ratings"),
            table("stream/quarantine"),
            table("gold/recommendations_fresh"),
        ],
        **SPARK_TASK,
    )
    find_current_model = PythonOperator(
        task_id="find_current_model",
        python_callable=run_reco,
        op_kwargs={
            "function": "find_current_model",
        },
    )
    detect_drift = SparkSubmitOperator(
        task_id="detect_drift",
        application=f"{SPARK_APPS_PATH}/drift_detection.py",
        application_args=[
            "detect_drift",
            "--model_path",
            "{{ ti.xcom_pull(task_ids='find_current_model') }}",
            "--original_train_path",
            TRAIN_PATH,
            "--current_train_path",
            f"{STREAMING_PATH}/train",
            "--original_test_path",
            TEST_PATH,
            "--current_test_path",
            f"{STREAMING_PATH}/test",
            "--shuffle_partitions",
            str(SHUFFLE_PARTITIONS),
        ],
        **SPARK_TASK,
    )
    check_retrain = BranchPythonOperator(
        task_id="check_retrain",
        python_callable=follow_decision,
        op_kwargs={
            "task_id": "detect_drift",
            "key": "retrain_decision",
        },
    )
    skip_retrain = EmptyOperator(
        task_id="skip_retrain",
    )
    merge_streaming_data = SparkSubmitOperator(
        task_id="merge_streaming_data",
        application=f"{SPARK_APPS_PATH}/drift_detection.py",
        application_args=[
            "merge",
            "--streaming_path",
            STREAMING_PATH,
            "--processed_path",
            PROCESSED_PATH,
            "--shuffle_partitions",
            str(SHUFFLE_PARTITIONS),
        ],
        outlets=[
            table("silver/train_ratings"),
            table("silver/test_ratings"),
        ],
        **on_report_of("detect_drift"),
    )
    train_recommender = SparkSubmitOperator(
        task_id="train_recommender",
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
    test_recommender = SparkSubmitOperator(
        task_id="test_recommender",
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

    process_streaming_data >> find_current_model
    find_current_model >> detect_drift
    detect_drift >> check_retrain
    check_retrain >> skip_retrain
    check_retrain >> merge_streaming_data
    merge_streaming_data >> train_recommender
    train_recommender >> find_latest_model
    find_latest_model >> test_recommender
