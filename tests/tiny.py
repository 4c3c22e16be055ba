"""Settings of a pipeline that takes a moment: tiny invented ratings, small models, few draws."""

TINY = {
    "RECO_SOURCE": "synthetic",
    "SYNTHETIC_USERS": "120",
    "SYNTHETIC_MOVIES": "150",
    "SYNTHETIC_RATINGS": "8000",
    "ALS_RANK": "8",
    "ALS_MAX_ITER": "3",
    "RANKING_RANK": "8",
    "RANKING_MAX_ITER": "3",
    "PROMOTION_BOOTSTRAP_SAMPLES": "199",
}
