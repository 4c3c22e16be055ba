"""Tables of what the platform measures of itself: what its model versions came to."""

from reco_assets.declaring import DOUBLE, LONG, STRING, TIMESTAMP, described, struct, table

_ACCURACY = ("warm_share", "rmse_all", "mae_all", "ndcg", "hit_rate")
_BEYOND_IT = ("catalogue_coverage", "novelty", "intra_list_distance", "popularity_share", "share_of_lists")
MODEL_METRICS = table(
    "models/metrics",
    described(
        struct(
            **{"judged_version": STRING, "test_version": LONG, "judged_ts": TIMESTAMP},
            **dict.fromkeys(("model", "slice", "value"), STRING),
            **dict.fromkeys(("test_count", "users"), LONG),
            **dict.fromkeys((*_ACCURACY, *_BEYOND_IT), DOUBLE),
        ),
        test_version="The Delta version of silver/test_ratings; null of a parquet table.",
        model="candidate (judged_version itself), baseline, or the champion that it was compared with.",
        users="Who has something to find in the slice; ndcg and hit_rate are means over them.",
        catalogue_coverage="Movies that are in a list, of those of the slice that have training ratings.",
        novelty="The mean over listed movies of -log2 of their share of the training ratings, in bits.",
        intra_list_distance="1 - the mean cosine of the genres of two movies of a list; of slices of users.",
        popularity_share="Which part of the listed movies is in the head: the most rated, with a third of all ratings.",
        share_of_lists="Which part of the places in lists has movies of the slice.",
    ),
    key=("judged_version", "test_version", "model", "slice", "value"),
)
