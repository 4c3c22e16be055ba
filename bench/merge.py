"""`python bench/merge.py`: what merging 1,000 streamed ratings costs, by the size of the table they are merged into.

The batch is half new users' and half known users' ratings. Measured are both tables' merges as the assets do them,
in a process that has imported everything, and the rebuild that a new split asks for, for comparison.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from measuring import HERE, machine
from rich.console import Console
from rich.table import Table

from reco_assets.batches.accepted import accept_waiting
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import write_receipts
from reco_assets.batches.sides import split_pairs
from reco_assets.split.merge import merge_side
from reco_assets.split.plan import as_split_ratings, split_by_plan
from reco_assets.tables import SIDE_TABLES, SILVER_RATINGS, SPLIT_RATINGS, STREAM_RATINGS
from resources.settings import load_settings
from resources.tables.appends import append_batches
from resources.tables.lakehouse import Lakehouse

SHAPES = {100_000: (600, 2_000), 1_000_000: (6_000, 4_000), 20_000_000: (138_000, 27_000)}  # users, movies
BATCH_ROWS, BATCH_USERS, BATCHES = 1_000, 50, 3


def main() -> None:
    """Measure every size that the command line asks for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", type=int, choices=SHAPES, default=[100_000, 1_000_000])
    parser.add_argument("--output", type=Path, default=HERE / "results" / "merge.json")
    arguments = parser.parse_args()
    found = []
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            found.append({"rows": rows, **measure(Path(folder), rows)})
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"machine": machine(), "merges": found}, indent=2) + "\n")
    table = Table(*(name.replace("_", " ") for name in found[0]))
    for figures in found:
        table.add_row(*(f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" for value in figures.values()))
    Console().print(table)


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Seconds and bytes of one merge of both tables (the median of a few), beside those of a rebuild."""
    settings = load_settings(lakehouse_path=folder, reco_engine="embedded")
    lakehouse, (users, movies) = Lakehouse.open(settings), SHAPES[rows]
    rng = np.random.default_rng(42)
    write_split(lakehouse, silver_ratings(rng, rows, users, movies))
    merge_both(lakehouse)
    costs = []
    for number in range(BATCHES):
        take_in(lakehouse, f"batch{number}", rng, users, movies)
        costs.append(cost_of_merge(lakehouse))
    write_split(lakehouse, None)
    rebuild_seconds, rebuild_bytes = cost_of_merge(lakehouse)
    lakehouse.engine.stop()
    seconds, written = sorted(costs)[BATCHES // 2]
    return {
        "merge_seconds": seconds,
        "merge_bytes": written,
        "rebuild_seconds": rebuild_seconds,
        "rebuild_bytes": rebuild_bytes,
    }


def silver_ratings(rng: np.random.Generator, rows: int, users: int, movies: int) -> dict[str, Any]:
    """Ratings of distinct pairs in random order, with the columns of silver/ratings."""
    pairs = rng.permutation(np.unique(rng.integers(0, users * movies, rows)))
    return ratings(rng, pairs // movies + 1, pairs % movies + 1) | {
        "year": np.full(len(pairs), 2000, np.int32),
        "month": np.full(len(pairs), 1, np.int32),
    }


def ratings(rng: np.random.Generator, user_id: np.ndarray, movie_id: np.ndarray) -> dict[str, Any]:
    """Columns of ratings of these users and movies."""
    return {
        "user_id": user_id.astype(np.int32),
        "movie_id": movie_id.astype(np.int32),
        "rating": (rng.integers(1, 11, len(user_id)) / 2).astype(np.float32),
        "rating_ts": pa.array(rng.integers(10**15, 17 * 10**14, len(user_id)), pa.timestamp("us", tz="UTC")),
    }


def write_split(lakehouse: Lakehouse, silver: dict[str, Any] | None) -> None:
    """Write silver/split_ratings, from new silver ratings or from those that are there."""
    if silver is not None:
        lakehouse.write(SILVER_RATINGS, pa.table(silver))
    sided = split_by_plan(lakehouse.read(SILVER_RATINGS.name), lakehouse.settings.split)
    lakehouse.write(SPLIT_RATINGS, as_split_ratings(sided, lakehouse.settings.split.policy()))


def take_in(lakehouse: Lakehouse, batch: str, rng: np.random.Generator, users: int, movies: int) -> None:
    """Stage a batch as intake does, and accept it."""
    raters = rng.integers(1, 2 * users, BATCH_USERS)
    columns = ratings(rng, rng.choice(raters, BATCH_ROWS), rng.integers(1, movies + 1, BATCH_ROWS))
    split = split_pairs(lakehouse, columns["user_id"], columns["movie_id"], 0.8)
    lines = {"batch": pa.repeat(pa.scalar(batch), BATCH_ROWS), "line": np.arange(BATCH_ROWS, dtype=np.int64)}
    append_batches(lakehouse, STREAM_RATINGS, pa.table(lines | columns | {"split": split}))
    counts = (BATCH_ROWS, BATCH_ROWS, BATCH_ROWS, 0, 0, BATCH_ROWS, 0, BATCH_USERS)
    write_receipts(lakehouse.root, [Receipt(batch, batch, 0, *counts)])
    accept_waiting(lakehouse, "bench")


def cost_of_merge(lakehouse: Lakehouse) -> tuple[float, int]:
    """Seconds of bringing both tables up to date, and the bytes of the files that this wrote."""
    before, started = files(lakehouse), time.monotonic()
    merge_both(lakehouse)
    seconds = time.monotonic() - started
    return seconds, sum(path.stat().st_size for path in files(lakehouse) - before)


def merge_both(lakehouse: Lakehouse) -> None:
    """Bring train and test up to date."""
    for side in SIDE_TABLES:
        merge_side(lakehouse, side)


def files(lakehouse: Lakehouse) -> set[Path]:
    """Every file of both tables."""
    return {path for spec in SIDE_TABLES.values() for path in lakehouse.path(spec.name).rglob("*") if path.is_file()}


if __name__ == "__main__":
    main()
