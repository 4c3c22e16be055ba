"""The assets of each stage by key, in the order they are made. What doesn't belong here: tasks and pipelines."""

BRONZE = ("bronze/ratings", "bronze/movies", "bronze/tags")
SILVER = (
    "silver/ratings",
    "silver/quarantine_ratings",
    "silver/movies",
    "silver/quarantine_movies",
    "silver/tags",
    "silver/quarantine_tags",
    "silver/etl_report",
)
SPLIT = ("silver/split_ratings", "silver/train_ratings", "silver/test_ratings", "silver/future_ratings")
ETL = (*BRONZE, *SILVER, *SPLIT)
FUTURES = ("silver/future_csv",)
TRAINING = ("models/als_candidate",)
JUDGEMENT = ("models/als_evaluation",)
EXPERIMENT = ("models/als_experiment",)
CHAMPION = "models/als_champion"
PROMOTION = (*EXPERIMENT, CHAMPION)
EVALUATION = (*JUDGEMENT, *PROMOTION)
NEURAL_TRAINING = ("models/ncf_candidate",)
NEURAL_JUDGEMENT = ("models/ncf_evaluation",)
NEURAL_PROMOTION = ("models/ncf_champion",)
EXPOSURES = ("gold/exposures",)
SERVING = ("gold/recommendations_als", "gold/similar_movies", "gold/recommendations_why", *EXPOSURES)
SIMULATION = ("events/simulated",)
FEATURE_STORE = ("features/store",)
EXTRACTION = ("events/log", "events/dead_letters", "gold/trending")
FRESH = ("gold/recommendations_fresh",)
LISTS = (*SERVING, *FRESH)
STREAM = ("stream/ratings", "stream/quarantine", *FRESH)
INTAKE = (*STREAM, *EXPOSURES)
DRIFT = ("drift/data_drift", "drift/model_drift", "drift/report")
MERGE = ("stream/accepted", "silver/train_ratings", "silver/test_ratings")
MAINTENANCE = ("maintenance/tables",)
QUALITY_REPORT = ("quality/report",)
