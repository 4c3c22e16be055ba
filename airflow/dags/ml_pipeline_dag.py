"""The weekly pipeline: new data validated, a model trained, judged and deployed, retraining on drift.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `check_new_data` | PythonOperator | `check_new_data()` |
| `validate_data` | PythonOperator | `validate_data()` |
| `preprocess` | PythonOperator | `bronze/ratings` |
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
| `train` | PythonOperator | `models/als_candidate` |
| `evaluate` | PythonOperator | `models/als_evaluation` |
| `check_drift` | PythonOperator | `stream/ratings` |
|  |  | `stream/quarantine` |
|  |  | `gold/recommendations_fresh` |
|  |  | `drift/data_drift` |
|  |  | `drift/model_drift` |
|  |  | `drift/report` |
| `deploy` | PythonOperator | `models/als_experiment` |
|  |  | `models/als_champion` |
|  |  | `gold/recommendations_als` |
|  |  | `gold/similar_movies` |
|  |  | `gold/recommendations_why` |
|  |  | `gold/exposures` |
| `choose_retraining` | BranchPythonOperator | `check_retrain()` |
| `trigger_retraining` | TriggerDagRunOperator |  |
| `skip_retraining` | EmptyOperator |  |
"""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import (
    BranchPythonOperator,
    PythonOperator,
)
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from common.config import (
    DEFAULT_DAG_ARGS,
    START_DATE,
)
from common.runner import (
    follow_decision,
    run_reco,
)
from common.tables import table
from common.timing import cron

with DAG(
    dag_id="ml_pipeline_dag",
    description="The weekly pipeline: new data validated, a model trained, judged and deployed, retraining on drift.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=cron("0 0 * * 0"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "validation",
        "training",
        "retraining",
    ],
) as dag:
    check_new_data = PythonOperator(
        task_id="check_new_data",
        python_callable=run_reco,
        op_kwargs={
            "function": "check_new_data",
        },
    )
    validate_data = PythonOperator(
        task_id="validate_data",
        python_callable=run_reco,
        op_kwargs={
            "function": "validate_data",
        },
    )
    preprocess = PythonOperator(
        task_id="preprocess",
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
    train = PythonOperator(
        task_id="train",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/als_candidate",
        },
    )
    evaluate = PythonOperator(
        task_id="evaluate",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/als_evaluation",
        },
    )
    check_drift = PythonOperator(
        task_id="check_drift",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
                    "stream/ratings",
                    "stream/quarantine",
                    "gold/recommendations_fresh",
                    "drift/data_drift",
                    "drift/model_drift",
                    "drift/report",
                ]
            ),
        },
        outlets=[
            table("stream/ratings"),
            table("stream/quarantine"),
            table("gold/recommendations_fresh"),
        ],
    )
    deploy = PythonOperator(
        task_id="deploy",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
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
    choose_retraining = BranchPythonOperator(
        task_id="choose_retraining",
        python_callable=follow_decision,
        op_kwargs={
            "task_id": "check_drift",
            "key": "retrain_decision",
            "names": {
                "merge_streaming_data": "trigger_retraining",
                "skip_retrain": "skip_retraining",
            },
        },
    )
    trigger_retraining = TriggerDagRunOperator(
        task_id="trigger_retraining",
        trigger_dag_id="model_retraining_dag",
        conf={
            "report": "{{ ti.xcom_pull(task_ids='check_drift')['retrain_decision']['report_id'] }}",
        },
    )
    skip_retraining = EmptyOperator(
        task_id="skip_retraining",
    )

    check_new_data >> validate_data
    validate_data >> preprocess
    preprocess >> train
    train >> evaluate
    evaluate >> check_drift
    check_drift >> deploy
    deploy >> choose_retraining
    choose_retraining >> trigger_retraining
    choose_retraining >> skip_retraining
