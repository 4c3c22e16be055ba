"""Daily: simulated events to features; on Sundays a neural model, deployed if it passes the thresholds.

Exported by `reco airflow export`: change the platform's job instead, and export again.

| task | operator | runs |
|---|---|---|
| `generate_synthetic_data` | BashOperator | `events/simulated` |
| `extract_events` | PythonOperator | `events/log` |
|  |  | `events/dead_letters` |
|  |  | `gold/trending` |
| `compute_features` | PythonOperator | `features/store` |
| `train_model` | PythonOperator | `models/ncf_candidate` |
| `evaluate_model` | PythonOperator | `models/ncf_evaluation` |
| `deploy_model_check` | BranchPythonOperator |  |
| `deploy_model` | PythonOperator | `models/ncf_champion` |
| `skip_deploy` | EmptyOperator |  |
| `alert_success` | SlackWebhookOperator |  |
| `alert_failure` | SlackWebhookOperator |  |
"""

from datetime import timedelta

from airflow.providers.common.compat.sdk import (
    DAG,
    TriggerRule,
)
from airflow.providers.slack.operators.slack_webhook import SlackWebhookOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import (
    BranchPythonOperator,
    PythonOperator,
)

from common.alerts import (
    ALERT_MACROS,
    FAILURE_MESSAGE,
    SLACK_TASK,
    SUCCESS_MESSAGE,
    limited_to,
)
from common.config import (
    DEFAULT_DAG_ARGS,
    MLFLOW_TRACKING_URI,
    RECO_ENVIRONMENT,
    SIM_PATH,
    START_DATE,
)
from common.runner import (
    follow_decision,
    run_reco,
)
from common.tables import table
from common.timing import (
    cron,
    overall_deadline,
    overall_sla,
)

with DAG(
    dag_id="movie_recommender_pipeline",
    description="Daily: simulated events to features; on Sundays a neural model, deployed if it passes the thresholds.",
    doc_md=__doc__,
    default_args={
        **DEFAULT_DAG_ARGS,
        **overall_sla(timedelta(hours=6)),
        "owner": "ml-platform-team",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=8),
    },
    schedule=cron("0 2 * * *"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    tags=[
        "events",
        "features",
        "training",
    ],
    user_defined_macros=ALERT_MACROS,
    **overall_deadline(timedelta(hours=6)),
) as dag:
    generate_synthetic_data = BashOperator(
        task_id="generate_synthetic_data",
        bash_command='"${RECO_PYTHON:-python3}" "$SIM_PATH/generate.py" generate-all',
        env={
            **RECO_ENVIRONMENT,
            "SIM_PATH": SIM_PATH,
        },
        append_env=True,
        **limited_to(timedelta(hours=2)),
    )
    extract_events = PythonOperator(
        task_id="extract_events",
        python_callable=run_reco,
        op_kwargs={
            "select": ",".join(
                [
                    "events/log",
                    "events/dead_letters",
                    "gold/trending",
                ]
            ),
            "limit": timedelta(hours=1),
        },
        outlets=[
            table("events/log"),
            table("events/dead_letters"),
            table("gold/trending"),
        ],
    )
    compute_features = PythonOperator(
        task_id="compute_features",
        python_callable=run_reco,
        op_kwargs={
            "select": "features/store",
            "limit": timedelta(hours=3),
        },
    )
    train_model = PythonOperator(
        task_id="train_model",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/ncf_candidate",
            "config": {
                "models__ncf_candidate": {
                    "day": "{{ (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%d') }}",
                },
            },
            "variables": {
                "MLFLOW_TRACKING_URI": MLFLOW_TRACKING_URI,
            },
            "limit": timedelta(hours=4),
        },
    )
    evaluate_model = PythonOperator(
        task_id="evaluate_model",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/ncf_evaluation",
            "variables": {
                "MLFLOW_TRACKING_URI": MLFLOW_TRACKING_URI,
            },
            "limit": timedelta(hours=1),
        },
    )
    deploy_model_check = BranchPythonOperator(
        task_id="deploy_model_check",
        python_callable=follow_decision,
        op_kwargs={
            "task_id": "evaluate_model",
            "key": "deploy_decision",
        },
    )
    deploy_model = PythonOperator(
        task_id="deploy_model",
        python_callable=run_reco,
        op_kwargs={
            "select": "models/ncf_champion",
            "variables": {
                "MLFLOW_TRACKING_URI": MLFLOW_TRACKING_URI,
            },
            "limit": timedelta(hours=1),
        },
    )
    skip_deploy = EmptyOperator(
        task_id="skip_deploy",
    )
    alert_success = SlackWebhookOperator(
        task_id="alert_success",
        message=SUCCESS_MESSAGE,
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        **SLACK_TASK,
    )
    alert_failure = SlackWebhookOperator(
        task_id="alert_failure",
        message=FAILURE_MESSAGE,
        trigger_rule=TriggerRule.ONE_FAILED,
        **SLACK_TASK,
    )

    generate_synthetic_data >> extract_events
    extract_events >> compute_features
    compute_features >> train_model
    train_model >> evaluate_model
    evaluate_model >> deploy_model_check
    deploy_model_check >> deploy_model
    deploy_model_check >> skip_deploy
    deploy_model >> alert_success
    skip_deploy >> alert_success
    generate_synthetic_data >> alert_failure
    extract_events >> alert_failure
    compute_features >> alert_failure
    train_model >> alert_failure
    evaluate_model >> alert_failure
    deploy_model_check >> alert_failure
    deploy_model >> alert_failure
    skip_deploy >> alert_failure
