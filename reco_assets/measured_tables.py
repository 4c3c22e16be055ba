"""Tables of what the platform measures of itself: what its model versions came to, and what stages of runs took."""

from pyspark.sql import types

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

# No asset: each run that Dagster makes appends its stages as it ends.
RUNS = table(
    "ops/runs",
    described(
        struct(
            run_id=STRING,
            job=STRING,
            stage=STRING,
            started_ts=TIMESTAMP,
            outcome=STRING,
            wall_seconds=DOUBLE,
            cpu_seconds=DOUBLE,
            peak_memory_mib=DOUBLE,
            rows=LONG,
            bytes=LONG,
            written=types.ArrayType(struct(asset=STRING, rows=LONG, bytes=LONG)),
            model_version=STRING,
            batches=types.ArrayType(STRING),
            batch_count=LONG,
        ),
        run_id="Dagster's id of the run.",
        job="The job, __ASSET_JOB where assets were chosen one by one; of an Airflow task its DAG and its name.",
        stage="Dagster's step: the asset, or what makes several of them, or a check.",
        started_ts="When the stage began, UTC.",
        outcome="succeeded, failed, retried (it failed and was tried again), or stopped (the run ended under it).",
        cpu_seconds="Of the run's process, its children that ended, and Spark's JVM on this machine; not of executors "
        "elsewhere.",
        wall_seconds="How long the stage took.",
        peak_memory_mib="The most that the run's process had in this stage, and Spark's JVM on this machine.",
        rows="Rows in the files that it wrote: a table that is replaced, or merged into, has whole files written anew.",
        bytes="Bytes of the files that it wrote.",
        written="The same by asset; rows is null of what is no table.",
        model_version="The version that the stage trained, judged, promoted, listed or checked; null of others.",
        batches="The batches that the stage took in, judged, accepted or merged, newest first: at most 100, of a "
        "drift report 20.",
        batch_count="How many these batches were.",
    ),
    key=("run_id", "stage", "started_ts"),
)
