"""The pipelines that the platform runs today: three documented ones, and those its sensors start."""

from reco_assets.drift.reports import check_retrain
from reco_assets.jobs.selections import DRIFT, ETL, EVALUATION, FUTURES, MERGE, SERVING, STREAM, TRAINING
from reco_assets.jobs.spec import INTAKE, JobSpec, Task, chain
from reco_assets.models.store import find_current_model, find_latest_model
from reco_assets.validation import verify_gold, verify_silver

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
    config={
        "ops": {
            "process_streaming_data": {"config": {"require_files": True}},
            "stream__accepted": {"config": {"accept": "IF_DRIFT_OR_STOP"}},
        }
    },
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
