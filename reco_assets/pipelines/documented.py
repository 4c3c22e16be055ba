"""The pipelines that the platform runs today: the documented ones, and those its sensors start.

What each task of the last three documented ones reads, makes and returns: docs/pipelines.md.
"""

from reco_assets.drift.reports import check_retrain
from reco_assets.models.versions.backup import backup_current_model, compare_models, rollback_model
from reco_assets.models.versions.store import find_current_model, find_latest_model
from reco_assets.pipelines.selections import (
    DRIFT,
    ETL,
    EVALUATION,
    FUTURES,
    JUDGEMENT,
    MAINTENANCE,
    MERGE,
    PROMOTION,
    QUALITY_REPORT,
    SERVING,
    STREAM,
    TRAINING,
)
from reco_assets.pipelines.spec import INTAKE, JobSpec, Task, chain
from reco_assets.quality.kinds import CHECKS_OF_TASK
from reco_assets.tasks.layers_there import verify_gold, verify_silver
from reco_assets.tasks.new_data import check_new_data
from reco_assets.tasks.tables_sound import validate_data

RECO_PIPELINE = JobSpec(
    name="reco_pipeline",
    description="Bronze to recommendations: the daily main job.",
    tasks=(
        Task("run_etl_bronze_to_silver", (*ETL, *FUTURES)),
        Task("verify_silver_output", function=verify_silver),
        Task("run_train_als_generate_recos", (*TRAINING, *EVALUATION, *SERVING)),
        Task("verify_gold_output", function=verify_gold),
    ),
    edges=chain(
        "run_etl_bronze_to_silver", "verify_silver_output", "run_train_als_generate_recos", "verify_gold_output"
    ),
)

ETL_TRAIN_TEST_PIPELINE = JobSpec(
    name="etl_train_test_pipeline",
    description="Initial training: ETL, the future ratings as CSV, a model, its evaluation. Started by hand.",
    tasks=(
        Task("spark_etl", ETL),
        Task("spark_create_futures", FUTURES),
        Task("spark_train_recommender", TRAINING),
        Task("find_latest_model", function=find_latest_model),
        Task("spark_test_recommender", (*EVALUATION, *SERVING)),
    ),
    edges=(
        ("spark_etl", "spark_create_futures"),
        *chain("spark_etl", "spark_train_recommender", "find_latest_model", "spark_test_recommender"),
    ),
)

PROCESS = Task("process_streaming_data", STREAM)
DETECT = Task("detect_drift", DRIFT)
MERGE_AND_RETRAIN = (
    Task("merge_streaming_data", MERGE),
    Task("train_recommender", TRAINING),
    Task("find_latest_model", function=find_latest_model),
    Task("test_recommender", (*EVALUATION, *SERVING)),
)
RETRAIN_EDGES = chain(*(task.name for task in MERGE_AND_RETRAIN))

DRIFT_DETECTION_RETRAIN_PIPELINE = JobSpec(
    name="drift_detection_retrain_pipeline",
    description="New files to drift reports and, where they call for it, to a retrained model; else it stops there.",
    tasks=(
        PROCESS,
        Task("find_current_model", function=find_current_model),
        DETECT,
        Task("check_retrain", function=check_retrain),
        Task("skip_retrain"),
        *MERGE_AND_RETRAIN,
    ),
    edges=(
        *chain("process_streaming_data", "find_current_model", "detect_drift", "check_retrain"),
        ("check_retrain", "skip_retrain"),
        ("check_retrain", "merge_streaming_data"),
        *RETRAIN_EDGES,
    ),
    # The landing sensor takes most files in before this job looks, so it goes on with what waits.
    config={
        "ops": {
            "process_streaming_data": {"config": {"without_files": "SKIP"}},
            "stream__accepted": {"config": {"accept": "IF_DRIFT_OR_STOP"}},
        }
    },
)

ML_PIPELINE = JobSpec(
    name="ml_pipeline_dag",
    description="The weekly pipeline: new data validated, a model trained, judged and deployed, retraining on drift.",
    tasks=(
        Task("check_new_data", function=check_new_data),
        Task("validate_data", function=validate_data),
        Task("preprocess", (*ETL, *FUTURES)),
        Task("train", TRAINING),
        Task("evaluate", JUDGEMENT),
        Task("check_drift", (*STREAM, *DRIFT)),
        Task("deploy", (*PROMOTION, *SERVING)),
        Task("choose_retraining", function=check_retrain),
        Task("trigger_retraining"),
        Task("skip_retraining"),
    ),
    # Retraining backs up and compares with the model in production, so it waits until deploy has settled which.
    edges=(
        *chain(
            *("check_new_data", "validate_data", "preprocess", "train", "evaluate", "check_drift", "deploy"),
            "choose_retraining",
        ),
        ("choose_retraining", "trigger_retraining"),
        ("choose_retraining", "skip_retraining"),
    ),
)

DATA_VALIDATION = JobSpec(
    name="data_validation_dag",
    description="Daily checks of the tables: their schema, then quality, distributions and anomalies.",
    tasks=tuple(
        Task(name, QUALITY_REPORT if name == "check_data_quality" else (), kinds)
        for name, kinds in CHECKS_OF_TASK.items()
    ),
    edges=tuple(("validate_schema", name) for name in CHECKS_OF_TASK if name != "validate_schema"),
)

MODEL_RETRAINING = JobSpec(
    name="model_retraining_dag",
    description="On demand, by drift: a new model, deployed if it is better than the one in production.",
    tasks=(
        Task("backup_current_model", function=backup_current_model),
        Task("retrain_model", (*MERGE, *TRAINING)),
        Task("evaluate_new_model", JUDGEMENT),
        Task("compare_models", function=compare_models),
        Task("deploy_new_model", (*PROMOTION, *SERVING)),
        Task("rollback_model", function=rollback_model),
    ),
    edges=(
        *chain("backup_current_model", "retrain_model", "evaluate_new_model", "compare_models"),
        ("compare_models", "deploy_new_model"),
        ("compare_models", "rollback_model"),
    ),
    # Whoever starts it has decided already.
    config={"ops": {"stream__accepted": {"config": {"accept": "ALWAYS"}}}},
)

STREAM_INTAKE = JobSpec(
    name="stream_intake",
    description="Files in the streaming folder to staged ratings and a drift report; started by the landing sensor.",
    tasks=(PROCESS, DETECT),
    edges=chain("process_streaming_data", "detect_drift"),
    queue=INTAKE,
)
DRIFT_SCORING = JobSpec(
    name="drift_scoring",
    description="A new drift report on the waiting batches, for when the champion changed since the last.",
    tasks=(DETECT,),
    edges=(),
    queue=INTAKE,
)
DRIFT_RETRAIN = JobSpec(
    name="drift_retrain",
    description="Waiting batches merged, a model trained on them, judged, promoted or rejected.",
    tasks=MERGE_AND_RETRAIN,
    edges=RETRAIN_EDGES,
)
LAKEHOUSE_MAINTENANCE = JobSpec(
    name="lakehouse_maintenance",
    description="Tables compacted and vacuumed, superseded models removed; what a kept model was made of stays.",
    tasks=(Task("maintain_tables", MAINTENANCE),),
    edges=(),
)
