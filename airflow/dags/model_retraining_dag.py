"""On demand, by drift: a new model, deployed if it is better than the one in production.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `backup_current_model` | PythonOperator | `backup_current_model()` |
| `retrain_model` | PythonOperator | `stream/accepted` |
|  |  | `silver/train_ratings` |
|  |  | `silver/test_ratings` |
|  |  | `models/als_candidate` |
| `evaluate_new_model` | PythonOperator | `models/als_evaluation` |
| `compare_models` | BranchPythonOperator | `compare_models()` |
| `deploy_new_model` | PythonOperator | `models/als_experiment` |
|  |  | `models/als_champion` |
|  |  | `gold/recommendations_als` |
|  |  | `gold/similar_movies` |
|  |  | `gold/recommendations_why` |
|  |  | `gold/exposures` |
| `rollback_model` | PythonOperator | `rollback_model()` |
"""

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.python import (
    BranchPythonOperator,
    PythonOperator,
)

from common.config import (
    DEFAULT_DAG_ARGS,
    START_DATE,
)
from common.runner import (
    follow_decision,
    run_reco,
)
from common.tables import table

with DAG(
    dag_id="model_retraining_dag",
    description="On demand, by drift: a new model, deployed if it is better than the one in production.",
    doc_md=__doc__,
    default_args=DEFAULT_DAG_ARGS,
    schedule=None,
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "retraining",
        "training",
    ],
) as dag:
    backup_current_model = PythonOperator(
        task_id="backup_current_model",
        python_callable=run_reco,
        op_kwargs={
            "function": "backup_current_model",
        },
    )
    retrain_model = PythonOperator(
        task_id="retrain_model",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
                    "stream/accepted",
                    "silver/train_ratings",
                    "silver/test_ratings",
                    "models/als_candidate",
                ]
            ),
            "config": {
                "stream__accepted": {
                    "accept": "ALWAYS",
                    "report": "{{ (dag_run.conf or {}).get('report', '') }}",
                },
            },
        },
        outlets=[
            table("silver/train_ratings"),
            table("silver/test_ratings"),
        ],
    )
    evaluate_new_model = PythonOperator(
        task_id="evaluate_new_model",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/als_evaluation",
        },
    )
    compare_models = BranchPythonOperator(
        task_id="compare_models",
        python_callable=follow_decision,
        op_kwargs={
            "task_id": "evaluate_new_model",
            "key": "comparison",
        },
    )
    deploy_new_model = PythonOperator(
        task_id="deploy_new_model",
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
    rollback_model = PythonOperator(
        task_id="rollback_model",
        python_callable=run_reco,
        op_kwargs={
            "function": "rollback_model",
        },
    )

    backup_current_model >> retrain_model
    retrain_model >> evaluate_new_model
    evaluate_new_model >> compare_models
    compare_models >> deploy_new_model
    compare_models >> rollback_model
