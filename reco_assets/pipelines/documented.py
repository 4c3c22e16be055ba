"""The documented pipelines, by the names of their documents: tasks with what each materialises or calls, and edges.

What each task of the later ones reads, makes and returns: docs/pipelines.md.
"""

from datetime import timedelta

from reco_assets.pipelines.selections import (
    DRIFT,
    ETL,
    EVALUATION,
    EXTRACTION,
    FEATURE_STORE,
    FUTURES,
    JUDGEMENT,
    MERGE,
    NEURAL_JUDGEMENT,
    NEURAL_PROMOTION,
    NEURAL_TRAINING,
    PROMOTION,
    QUALITY_REPORT,
    SERVING,
    SIMULATION,
    STREAM,
    TRAINING,
)
from reco_assets.pipelines.spec import CHOOSES_BY_REPORT, JobSpec, Limits, Task, chain

RECO_PIPELINE = JobSpec(
    name="reco_pipeline",
    description="Bronze to recommendations: the daily main job.",
    tasks=(
        Task("run_etl_bronze_to_silver", (*ETL, *FUTURES)),
        Task("verify_silver_output", function="verify_silver"),
        Task("run_train_als_generate_recos", (*TRAINING, *EVALUATION, *SERVING)),
        Task("verify_gold_output", function="verify_gold"),
    ),
    edges=chain(
        "run_etl_bronze_to_silver", "verify_silver_output", "run_train_als_generate_recos", "verify_gold_output"
    ),
    cron_setting="reco_pipeline_cron",
)

ETL_TRAIN_TEST_PIPELINE = JobSpec(
    name="etl_train_test_pipeline",
    description="Initial training: ETL, the future ratings as CSV, a model, its evaluation. Started by hand.",
    tasks=(
        Task("spark_etl", ETL),
        Task("spark_create_futures", FUTURES),
        Task("spark_train_recommender", TRAINING),
        Task("find_latest_model", function="find_latest_model"),
        Task("spark_test_recommender", (*EVALUATION, *SERVING)),
    ),
    edges=(
        ("spark_etl", "spark_create_futures"),
        *chain("spark_etl", "spark_train_recommender", "find_latest_model", "spark_test_recommender"),
    ),
    cron_setting="etl_train_test_pipeline_cron",
)

PROCESS = Task("process_streaming_data", STREAM)
DETECT = Task("detect_drift", DRIFT)
MERGE_AND_RETRAIN = (
    Task("merge_streaming_data", MERGE),
    Task("train_recommender", TRAINING),
    Task("find_latest_model", function="find_latest_model"),
    Task("test_recommender", (*EVALUATION, *SERVING)),
)
RETRAIN_EDGES = chain(*(task.name for task in MERGE_AND_RETRAIN))

DRIFT_DETECTION_RETRAIN_PIPELINE = JobSpec(
    name="drift_detection_retrain_pipeline",
    description="New files to drift reports and, where they call for it, to a retrained model; else it stops there.",
    tasks=(
        PROCESS,
        Task("find_current_model", function="find_current_model"),
        DETECT,
        Task("check_retrain", function=CHOOSES_BY_REPORT),
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
    cron_setting="drift_detection_retrain_pipeline_cron",
    retrains=True,
)

ML_PIPELINE = JobSpec(
    name="ml_pipeline_dag",
    description="The weekly pipeline: new data validated, a model trained, judged and deployed, retraining on drift.",
    tasks=(
        Task("check_new_data", function="check_new_data"),
        Task("validate_data", function="validate_data"),
        Task("preprocess", (*ETL, *FUTURES)),
        Task("train", TRAINING),
        Task("evaluate", JUDGEMENT),
        Task("check_drift", (*STREAM, *DRIFT)),
        Task("deploy", (*PROMOTION, *SERVING)),
        Task("choose_retraining", function=CHOOSES_BY_REPORT),
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
    cron_setting="ml_pipeline_dag_cron",
)

DATA_VALIDATION = JobSpec(
    name="data_validation_dag",
    description="Daily checks of the tables: their schema, then quality, distributions and anomalies.",
    tasks=(
        Task("validate_schema", checks=("schema",)),
        Task("check_data_quality", QUALITY_REPORT, ("nulls", "ranges", "references", "row_count")),
        Task("check_distributions", checks=("distributions",)),
        Task("detect_anomalies", checks=("duplicates", "outliers")),
    ),
    edges=(
        ("validate_schema", "check_data_quality"),
        ("validate_schema", "check_distributions"),
        ("validate_schema", "detect_anomalies"),
    ),
    cron_setting="data_validation_dag_cron",
)

MODEL_RETRAINING = JobSpec(
    name="model_retraining_dag",
    description="On demand, by drift: a new model, deployed if it is better than the one in production.",
    tasks=(
        Task("backup_current_model", function="backup_current_model"),
        Task("retrain_model", (*MERGE, *TRAINING)),
        Task("evaluate_new_model", JUDGEMENT),
        Task("compare_models", function="compare_models"),
        Task("deploy_new_model", (*PROMOTION, *SERVING)),
        Task("rollback_model", function="rollback_model"),
    ),
    edges=(
        *chain("backup_current_model", "retrain_model", "evaluate_new_model", "compare_models"),
        ("compare_models", "deploy_new_model"),
        ("compare_models", "rollback_model"),
    ),
    # Whoever starts it has decided already.
    config={"ops": {"stream__accepted": {"config": {"accept": "ALWAYS"}}}},
    cron_setting="model_retraining_dag_cron",
    retrains=True,
)

TUNING_TRIALS = 20  # of each part: 3 minutes on ml-latest-small
_STEPS = ("generate_synthetic_data", "extract_events", "compute_features", "train_model", "evaluate_model")
_DEPLOYMENT = ("deploy_model_check", "deploy_model", "skip_deploy")

MOVIE_RECOMMENDER_PIPELINE = JobSpec(
    name="movie_recommender_pipeline",
    description="Daily: simulated events to features; on Sundays a neural model, deployed if it passes the thresholds.",
    tasks=(
        Task("generate_synthetic_data", SIMULATION, sla=timedelta(hours=2)),
        Task("extract_events", EXTRACTION, sla=timedelta(hours=1)),
        Task("compute_features", FEATURE_STORE, sla=timedelta(hours=3)),
        Task("train_model", NEURAL_TRAINING, sla=timedelta(hours=4)),
        Task("evaluate_model", NEURAL_JUDGEMENT, sla=timedelta(hours=1)),
        Task("deploy_model_check"),
        Task("deploy_model", NEURAL_PROMOTION, sla=timedelta(hours=1)),
        Task("skip_deploy"),
        Task("alert_success"),
        Task("alert_failure"),
    ),
    edges=(
        *chain(*_STEPS, "deploy_model_check"),
        ("deploy_model_check", "deploy_model"),
        ("deploy_model_check", "skip_deploy"),
        ("deploy_model", "alert_success"),
        ("skip_deploy", "alert_success"),
        # Not behind alert_success, too: as the only leaf it would make a run with a failed task end well.
        *((task, "alert_failure") for task in (*_STEPS, *_DEPLOYMENT)),
    ),
    cron_setting="movie_recommender_pipeline_cron",
    limits=Limits(retries=2, retry_delay=timedelta(minutes=5), sla=timedelta(hours=6), max_runtime=timedelta(hours=8)),
    announced=True,
)

MODEL_TRAINING = JobSpec(
    name="model_training_dag",
    description="Training by three variables: how old ratings may be, what is relevant, the registered name.",
    tasks=(
        Task("extract_and_validate", ETL),
        Task("engineer_features", FEATURE_STORE),
        Task("train_and_tune", TRAINING),
        Task("evaluate_and_register", (*EVALUATION, *SERVING)),
    ),
    edges=chain("extract_and_validate", "engineer_features", "train_and_tune", "evaluate_and_register"),
    config={"ops": {"models__als_candidate": {"config": {"tune": TUNING_TRIALS}}}},
    cron_setting="model_training_dag_cron",
    announced=True,
)

DOCUMENTED_SPECS = (
    RECO_PIPELINE,
    ETL_TRAIN_TEST_PIPELINE,
    DRIFT_DETECTION_RETRAIN_PIPELINE,
    ML_PIPELINE,
    DATA_VALIDATION,
    MODEL_RETRAINING,
    MOVIE_RECOMMENDER_PIPELINE,
    MODEL_TRAINING,
)
FOLLOWING_THEIR_REPORT = frozenset(spec.name for spec in DOCUMENTED_SPECS if spec.follows_its_report)
