"""Every documented Airflow DAG: its file, tags and limits, and the operator of each task that isn't a plain run.

Tasks, edges and schedules are the platform's (reco_assets/pipelines).
What doesn't belong here: how any of it is written as text.
"""

from collections.abc import Sequence

from reco_assets.airflow_export.dag_spec import DagSpec
from reco_assets.airflow_export.literals import Code
from reco_assets.airflow_export.operators import (
    RUN_DAY,
    Bash,
    Run,
    branch,
    empty,
    report_of,
    result_of,
    slack_message,
    spark_submit,
    trigger_dag,
)
from reco_assets.pipelines import documented as pipelines
from resources.errors import RecoError


class ExportError(RecoError):
    """The export can't be made, or the folder can't take it; the message says what to do."""


_STREAMING = Code("STREAMING_PATH")
_TRAIN_TABLE, _TEST_TABLE = Code("TRAIN_PATH"), Code("TEST_PATH")
_SHUFFLE_PARTITIONS = ("--shuffle_partitions", Code("str(SHUFFLE_PARTITIONS)"))
_TRAIN = spark_submit(
    "train_recommender.py",
    *("--parquet-train-path", _TRAIN_TABLE),
    *("--model-output-path", Code('f"{MODELS_PATH}/version_{{timestamp}}"')),
)
_TEST = spark_submit(
    "test_recommender.py",
    *("--model-path", result_of("find_latest_model")),
    *("--test-parquet", _TEST_TABLE),
    *("--k", Code("str(K)")),
    *("--rating-threshold", Code("str(RATING_THRESHOLD)")),
)

_MLFLOW = ("MLFLOW_TRACKING_URI",)

RECO_PIPELINE = DagSpec(pipelines.RECO_PIPELINE, "reco_pipeline_dag.py", tags=("etl", "training", "recommendations"))

ETL_TRAIN_TEST_PIPELINE = DagSpec(
    pipelines.ETL_TRAIN_TEST_PIPELINE,
    "dag_etl_train.py",
    tags=("spark", "ml", "etl", "training", "testing"),
    operators={
        "spark_etl": spark_submit(
            "etl.py",
            *("--train-file", Code('f"{COMBINED_PATH}/train.txt"')),
            *("--test-file", Code('f"{COMBINED_PATH}/test.txt"')),
            *("--parquet-train-path", _TRAIN_TABLE),
            *("--parquet-test-path", _TEST_TABLE),
        ),
        "spark_create_futures": spark_submit(
            "create_futures.py",
            *("--future-file", Code('f"{COMBINED_PATH}/future.txt"')),
            *("--csv-output-path", Code("FUTURE_CSV")),
        ),
        "spark_train_recommender": _TRAIN,
        "spark_test_recommender": _TEST,
    },
)

DRIFT_DETECTION_RETRAIN_PIPELINE = DagSpec(
    pipelines.DRIFT_DETECTION_RETRAIN_PIPELINE,
    "dag_drift_retrain.py",
    tags=("spark", "ml", "drift-detection", "retraining", "monitoring"),
    operators={
        "process_streaming_data": spark_submit(
            "drift_detection.py",
            "process",
            *("--csv_path", Code('f"{STREAMING_PATH}/current.csv"')),
            *("--output_path", _STREAMING),
            *("--train_ratio", Code("str(TRAIN_RATIO)")),
            *_SHUFFLE_PARTITIONS,
        ),
        "detect_drift": spark_submit(
            "drift_detection.py",
            "detect_drift",
            *("--model_path", result_of("find_current_model")),
            *("--original_train_path", _TRAIN_TABLE),
            *("--current_train_path", Code('f"{STREAMING_PATH}/train"')),
            *("--original_test_path", _TEST_TABLE),
            *("--current_test_path", Code('f"{STREAMING_PATH}/test"')),
            *_SHUFFLE_PARTITIONS,
        ),
        "check_retrain": branch("detect_drift", "retrain_decision"),
        "skip_retrain": empty(),
        "merge_streaming_data": spark_submit(
            "drift_detection.py",
            "merge",
            *("--streaming_path", _STREAMING),
            *("--processed_path", Code("PROCESSED_PATH")),
            *_SHUFFLE_PARTITIONS,
            on_report_of="detect_drift",
        ),
        "train_recommender": _TRAIN,
        "test_recommender": _TEST,
    },
    in_dagster={
        "process_streaming_data": Run(
            steps={
                "process_streaming_data": {
                    "csv_path": Code('f"{STREAMING_PATH}/current.csv"'),
                    "without_files": "FAIL",
                }
            }
        ),
        "merge_streaming_data": Run(
            steps={"stream__accepted": {"accept": "ALWAYS", "report": report_of("detect_drift")}}
        ),
    },
)

ML_PIPELINE = DagSpec(
    pipelines.ML_PIPELINE,
    "ml_pipeline_dag.py",
    tags=("validation", "training", "retraining"),
    operators={
        "choose_retraining": branch(
            "check_drift",
            "retrain_decision",
            names={"merge_streaming_data": "trigger_retraining", "skip_retrain": "skip_retraining"},
        ),
        "trigger_retraining": trigger_dag(
            pipelines.MODEL_RETRAINING.name,
            report=report_of("check_drift"),
        ),
        "skip_retraining": empty(),
    },
)

DATA_VALIDATION = DagSpec(pipelines.DATA_VALIDATION, "data_validation_dag.py", tags=("validation", "quality"))

MODEL_RETRAINING = DagSpec(
    pipelines.MODEL_RETRAINING,
    "model_retraining_dag.py",
    tags=("retraining", "training"),
    operators={
        "retrain_model": Run(
            # Started by hand it has no report, and the batches are accepted by hand.
            steps={"stream__accepted": {"accept": "ALWAYS", "report": "{{ (dag_run.conf or {}).get('report', '') }}"}}
        ),
        "compare_models": branch("evaluate_new_model", "comparison"),
    },
)

MOVIE_RECOMMENDER_PIPELINE = DagSpec(
    pipelines.MOVIE_RECOMMENDER_PIPELINE,
    "movie_recommender_pipeline.py",
    tags=("events", "features", "training"),
    operators={
        "generate_synthetic_data": Bash(
            '"${RECO_PYTHON:-python3}" "$SIM_PATH/generate.py" generate-all', variables=("SIM_PATH",)
        ),
        # The platform knows on which days it trains; the day is that of the run, however late it starts.
        "train_model": Run(steps={"models__ncf_candidate": {"day": RUN_DAY}}, variables=_MLFLOW),
        "evaluate_model": Run(variables=_MLFLOW),
        "deploy_model": Run(variables=_MLFLOW),
        "deploy_model_check": branch("evaluate_model", "deploy_decision"),
        "skip_deploy": empty(),
        "alert_success": slack_message("SUCCESS_MESSAGE"),
        "alert_failure": slack_message("FAILURE_MESSAGE"),
    },
    trigger_rules={"alert_success": "NONE_FAILED_MIN_ONE_SUCCESS", "alert_failure": "ONE_FAILED"},
    # No `email`: it would warn in Airflow 3 and send a second mail in 2. The task-level alert sends the one.
    own_args={"owner": "ml-platform-team"},
)

MODEL_TRAINING = DagSpec(
    pipelines.MODEL_TRAINING,
    "model_training_dag.py",
    tags=("training", "tuning"),
    operators={"train_and_tune": Run(steps={"models__als_candidate": {"tune": pipelines.TUNING_TRIALS}})},
)

DAG_SPECS = (
    RECO_PIPELINE,
    ETL_TRAIN_TEST_PIPELINE,
    DRIFT_DETECTION_RETRAIN_PIPELINE,
    ML_PIPELINE,
    DATA_VALIDATION,
    MODEL_RETRAINING,
    MOVIE_RECOMMENDER_PIPELINE,
    MODEL_TRAINING,
)


THROUGH_DAGSTER = tuple(spec.through_dagster() for spec in DAG_SPECS)


def chosen(dag_ids: Sequence[str], among: Sequence[DagSpec] = DAG_SPECS) -> tuple[DagSpec, ...]:
    """The DAGs of these ids. Raises `ExportError` for an unknown one."""
    specs = {spec.dag_id: spec for spec in among}
    if unknown := [dag_id for dag_id in dag_ids if dag_id not in specs]:
        raise ExportError(f"There is no DAG {', '.join(unknown)}. The DAGs are: {', '.join(specs)}.")
    return tuple(spec for spec in among if spec.dag_id in dag_ids)
