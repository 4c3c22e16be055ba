"""`.venv-spark/bin/python bench/driver_memory.py`: what Spark's driver holds while the main job runs, by ratings.

The driver is Python and its JVM; executors are processes of a cluster on this machine, which is started for it. With
SPARK_IN_MEMORY_ROWS=0 each table is worked on as one that is too large for the driver, whatever its size. What comes
before the first stage is made by this process, straight from arrays. Models are small (rank 8, one iteration), as their
memory is that of the items. Prints a line of JSON for each stage, and at the end each stage's peak by size, and
how many times the smallest the largest is.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.append(str(Path(__file__).resolve().parents[1]))

from measuring import HERE, Measured, measure

from reco_assets.silver.rating_events import taken_events
from reco_assets.silver.raw_rows import movies_cleaned, ratings_cleaned
from reco_assets.sources.layout import RawForm
from reco_assets.sources.movielens import MOVIES, RATINGS, TAGS
from reco_assets.sources.source import Loaded, RawTable, raw_batch, read_raw
from reco_assets.sources.text_files import now
from reco_assets.split.history import policy_of, side_of_history, split_history
from reco_assets.tables import (
    BRONZE_MOVIES,
    BRONZE_RATINGS,
    BRONZE_TAGS,
    FUTURE_RATINGS,
    SIDE_TABLES,
    SILVER_MOVIES,
    SILVER_RATINGS,
    SPLIT_RATINGS,
)
from reco_assets.vocabulary import FUTURE
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse
from tools.cluster import Cluster, Ports, down, up
from tools.processes import free_ports

SIZES = (1_000_000, 4_000_000, 16_000_000)
STAGES = ("silver", "split", "futures", "train", "evaluate", "serve")
GROUPS, OF_GROUP = 8, 512  # of taste, and how many movies please each
OWN, OTHERS = 320, 80  # ratings of a user: of movies that please, and of others
USERS_AT_ONCE = 2_500
SECONDS = 63_000_000  # two years
SETTINGS = {
    "RECO_ENGINE": "spark",
    "SPARK_IN_MEMORY_ROWS": "0",
    "SPARK_DRIVER_MEMORY": "1g",
    "ALS_RANK": "8",
    "ALS_MAX_ITER": "1",
    "RANKING_RANK": "8",
    "RANKING_MAX_ITER": "1",
    "PROMOTION_BOOTSTRAP_SAMPLES": "199",
    "EVENTS_SIMULATE": "off",
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, nargs="+", default=SIZES)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--executor-mb", type=int, default=1536, help="the heap of each of two executors of one core")
    arguments = parser.parse_args()
    measured = measured_by_size(arguments.ratings, arguments.stages, arguments.executor_mb)
    print(json.dumps(peaks(measured), indent=1))


def measured_by_size(sizes: Sequence[int], stages: Sequence[str], executor_mb: int = 1536) -> dict[int, Measured]:
    """Run the stages at each number of ratings, on one cluster; each in a lakehouse and a driver of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder, "cluster"), memory_mb=executor_mb, connect=False, ports=Ports(*free_ports(4)))
        try:
            variables = SETTINGS | up(cluster) | {"SPARK_EXECUTOR_MEMORY": f"{executor_mb}m", "SPARK_CORES_MAX": "2"}
            return {ratings: _measured(Path(folder), ratings, stages, variables) for ratings in sizes}
        finally:
            down(cluster.home)


def peaks(measured: Mapping[int, Measured]) -> dict[str, dict[str, float]]:
    """{stage, and `all`: {number of ratings: peak in MiB, `ratio`: the largest over the smallest}}."""
    by_stage: dict[str, dict[str, float]] = {}
    for ratings, found in measured.items():
        for stage in found.stages:
            by_stage.setdefault(stage["stage"], {})[str(ratings)] = round(stage["peak_mib"])
        by_stage.setdefault("all", {})[str(ratings)] = round(found.peak_mib)
    return {
        name: sizes | {"ratio": round(max(sizes.values()) / min(sizes.values()), 2)} for name, sizes in by_stage.items()
    }


def _measured(folder: Path, ratings: int, stages: Sequence[str], variables: Mapping[str, str]) -> Measured:
    root = folder / str(ratings)
    make_tables(root, ratings, stages)
    found = measure(
        [sys.executable, str(HERE / "stages.py"), *stages], {**variables, "LAKEHOUSE_PATH": str(root)}, root / "log"
    )
    shutil.rmtree(root)
    print(json.dumps({"ratings": ratings, **asdict(found)}), flush=True)
    return found


def make_tables(root: Path, ratings: int, stages: Collection[str]) -> None:
    """Make the bronze tables of so many ratings, in which users of a group like the movies of their group.

    And the tables of silver, and the sides of the split, where no stage makes them.
    """
    lakehouse = Lakehouse.open(load_settings(lakehouse_path=root, reco_engine="embedded"))
    movies = np.arange(GROUPS * OF_GROUP, dtype=np.int32)
    named = {"movie_id": pa.array(movies), "title": pa.array([f"Movie {n} (2000)" for n in movies])}
    named["genres"] = pa.repeat("Drama", len(movies))
    none = {name: pa.array([], pa.int32()) for name in ("user_id", "movie_id")}
    none |= {"tag": pa.array([], pa.string()), "timestamp": pa.array([], pa.int64())}
    for spec, table in (
        (BRONZE_RATINGS, RawTable(RATINGS, lambda: (_raw(RATINGS.fields, rows) for rows in _ratings(ratings)))),
        (BRONZE_MOVIES, RawTable(MOVIES, lambda: iter([_raw(MOVIES.fields, named)]))),
        (BRONZE_TAGS, RawTable(TAGS, lambda: iter([_raw(TAGS.fields, none)]))),
    ):
        lakehouse.write(spec, read_raw(table))
    if "silver" not in stages:
        lakehouse.write(SILVER_RATINGS, ratings_cleaned(lakehouse, taken_events(lakehouse), datetime.now(UTC)).good)
        lakehouse.write(SILVER_MOVIES, movies_cleaned(lakehouse, datetime.now(UTC)).good)
    if "split" not in stages:
        lakehouse.write(SPLIT_RATINGS, split_history(lakehouse, policy_of(lakehouse)))
        for side, side_table in {**SIDE_TABLES, FUTURE: FUTURE_RATINGS}.items():
            lakehouse.write(side_table, side_of_history(lakehouse, side))


def _ratings(wanted: int) -> Iterator[dict[str, pa.Array]]:
    rng = np.random.default_rng(0)
    each = OWN + OTHERS
    for first in range(0, wanted // each, USERS_AT_ONCE):
        users = np.arange(first, min(first + USERS_AT_ONCE, wanted // each))[:, None]
        at = np.arange(each)[None, :]
        group = np.where(at < OWN, users % GROUPS, (users + 1 + at % (GROUPS - 1)) % GROUPS)
        # Odd steps through a power of two: no movie twice.
        place = (users * 37 + at * (2 * (users // GROUPS % 100) + 1)) % OF_GROUP
        stars = np.where(at < OWN, 4.0, 2.0) + rng.integers(-2, 3, group.shape) / 2
        yield {
            "user_id": pa.array(np.repeat(users.ravel(), each).astype(np.int32)),
            "movie_id": pa.array((place * GROUPS + group).ravel().astype(np.int32)),
            "rating": pa.array(stars.ravel().astype(np.float32)),
            "timestamp": pa.array(1_400_000_000 + rng.integers(0, SECONDS, group.size)),
        }


def _raw(fields: Sequence[str], values: dict[str, pa.Array]) -> pa.RecordBatch:
    lines = pa.array(np.arange(2, 2 + len(values["movie_id"])))
    return raw_batch(values, RawForm(tuple(fields)), Loaded(lines, "arrays", now()))


if __name__ == "__main__":
    main()
