"""The documented pipelines that lack something yet: each such task says what.

A pipeline whose last `missing` goes away becomes a Dagster job and an exported Airflow DAG without another change.
"""

from reco_assets.pipelines.selections import ETL, EVALUATION, SERVING, TRAINING
from reco_assets.pipelines.spec import JobSpec, Task, chain

NO_FEATURES = "the feature store"
NO_NEURAL_MODEL = "the neural model"
TUNING_TRIALS = 20  # of each part: 3 minutes on ml-latest-small

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
        Task("extract_and_validate", ETL),
        Task("engineer_features", missing=NO_FEATURES),
        Task("train_and_tune", TRAINING),
        Task("evaluate_and_register", (*EVALUATION, *SERVING)),
    ),
    edges=chain("extract_and_validate", "engineer_features", "train_and_tune", "evaluate_and_register"),
    config={"ops": {"models__als_candidate": {"config": {"tune": TUNING_TRIALS}}}},
)
