"""The documented pipelines that lack something yet: each such task says what.

A pipeline whose last `missing` goes away becomes a Dagster job and an exported Airflow DAG without another change.
"""

from reco_assets.jobs.selections import (
    DRIFT,
    ETL,
    FUTURES,
    JUDGEMENT,
    MERGE,
    PROMOTION,
    SERVING,
    STREAM,
    TRAINING,
)
from reco_assets.jobs.spec import JobSpec, Task, chain

NO_VALIDATION = "checks of the tables' {} that can be asked for by name"
NO_FEATURES = "the feature store"
NO_NEURAL_MODEL = "the neural model"

ML_PIPELINE = JobSpec(
    name="ml_pipeline_dag",
    description="The weekly pipeline: new data validated, a model trained, judged and deployed, retraining on drift.",
    tasks=(
        Task("check_new_data", missing="a function that says whether the source holds data not yet taken in"),
        Task("validate_data", missing=NO_VALIDATION.format("rows")),
        Task("preprocess", (*ETL, *FUTURES)),
        Task("train", TRAINING),
        Task("evaluate", JUDGEMENT),
        Task("check_drift", (*STREAM, *DRIFT)),
        Task("deploy", (*PROMOTION, *SERVING)),
        Task("choose_retraining"),
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
    tasks=(
        Task("validate_schema", missing=NO_VALIDATION.format("columns")),
        Task("check_data_quality", missing=NO_VALIDATION.format("ranges and types")),
        Task("check_distributions", missing=NO_VALIDATION.format("distributions against a reference")),
        Task("detect_anomalies", missing=NO_VALIDATION.format("duplicates and outliers")),
    ),
    edges=(
        ("validate_schema", "check_data_quality"),
        ("validate_schema", "check_distributions"),
        ("validate_schema", "detect_anomalies"),
    ),
)

MODEL_RETRAINING = JobSpec(
    name="model_retraining_dag",
    description="On demand, by drift: a new model, deployed if it is better than the one in production.",
    tasks=(
        Task("backup_current_model", missing="a function that backs up the champion"),
        Task("retrain_model", (*MERGE, *TRAINING)),
        Task("evaluate_new_model", JUDGEMENT),
        Task("compare_models", missing="a comparison with the model in production, in the evaluation's result"),
        Task("deploy_new_model", (*PROMOTION, *SERVING)),
        Task("rollback_model", missing="a function that goes back to the backed-up champion"),
    ),
    edges=(
        *chain("backup_current_model", "retrain_model", "evaluate_new_model", "compare_models"),
        ("compare_models", "deploy_new_model"),
        ("compare_models", "rollback_model"),
    ),
    # Whoever starts it has decided already.
    config={"ops": {"stream__accepted": {"config": {"accept": "ALWAYS"}}}},
)

_STEPS = ("generate_synthetic_data", "extract_events", "compute_features", "train_model", "evaluate_model")
_DEPLOYMENT = ("deploy_model_check", "deploy_model", "skip_deploy")

MOVIE_RECOMMENDER_PIPELINE = JobSpec(
    name="movie_recommender_pipeline",
    description="Daily: simulated events to features; on Sundays a neural model, deployed if it passes the thresholds.",
    tasks=(
        Task("generate_synthetic_data", missing="events sent to Kafka"),
        Task("extract_events", missing="extraction from Kafka to the lake"),
        Task("compute_features", missing=NO_FEATURES),
        Task("train_model", missing=NO_NEURAL_MODEL),
        Task("evaluate_model", missing=NO_NEURAL_MODEL),
        Task("deploy_model_check", missing="AUC, NDCG@10 and hit rate@10 against their thresholds, as a decision"),
        Task("deploy_model", missing=NO_NEURAL_MODEL),
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
)

MODEL_TRAINING = JobSpec(
    name="model_training_dag",
    description="Training by three variables: how old ratings may be, what is relevant, the registered name.",
    tasks=(
        Task("extract_and_validate", missing="ratings limited by age, and validation"),
        Task("engineer_features", missing=NO_FEATURES),
        Task("train_and_tune", missing="training on ratings limited by age, and tuning"),
        Task("evaluate_and_register", missing="registration under a name that is given"),
    ),
    edges=chain("extract_and_validate", "engineer_features", "train_and_tune", "evaluate_and_register"),
)
