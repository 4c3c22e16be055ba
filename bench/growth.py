"""`python bench/growth.py`: what the loop costs on the first day, and after a year with a file a minute.

Both lakehouses begin as the main job makes one from synthetic ratings. The year is put into the second one's ledger and
tables, 525,600 accepted batches of 20 ratings, with the commits, files and Dagster runs that retention leaves of them;
then both take in the same files. Seconds are medians, in one process that has imported everything.
"""

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
from deltalake import write_deltalake
from measuring import HERE, machine
from rich.console import Console
from rich.table import Table

from reco_assets.batches.accepted import accept_waiting, waiting, waiting_totals
from reco_assets.batches.ledger import change
from reco_assets.batches.receipt_files import Receipt, receipt_text
from reco_assets.build import build_definitions
from reco_assets.drift.inputs import report_on_waiting
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.pipelines.internal import STREAM_INTAKE
from reco_assets.runner.run import materialize_assets
from reco_assets.split.merge import merge_side
from reco_assets.streaming.intake import take_in
from reco_assets.tables import SIDE_TABLES, STREAM_RATINGS
from reco_assets.vocabulary import TRAIN
from resources.settings import Settings, load_settings
from resources.tables.growth import record
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

YEAR, ROWS, CHUNK = 525_600, 20, 13_140  # batches, ratings of each, batches written together
RUNS_LEFT = 43_200  # of 30 days
REPEATS, FIRST_HOUR = 5, 60
START, MINUTE = 1_600_000_000, 60_000_000


def main() -> None:
    """Measure both, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=YEAR)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "growth.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DAGSTER_HOME": folder, "RECO_SOURCE": "synthetic", "RECO_ENGINE": "embedded"}
        first_day = settings_at(Path(folder, "first-day"))
        materialize_assets(build_definitions, first_day, RECO_PIPELINE.assets)
        take_in_files(lakehouse_at(first_day), FIRST_HOUR, seed=1)
        later = settings_at(Path(folder, "year"))
        shutil.copytree(first_day.storage.root, later.storage.root)
        live_on(lakehouse_at(later), arguments.batches)
        found = [measure(first_day, Path(folder, "h1"), 1), measure(later, Path(folder, "h2"), RUNS_LEFT)]
    rows = {name: (found[0][name], found[1][name], found[1][name] / found[0][name]) for name in found[0]}
    document = {"machine": machine(), "batches": arguments.batches, "seconds": rows}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    table = Table("", "first day, s", f"after {arguments.batches:,} batches, s", "ratio")
    for name, (before, after, ratio) in rows.items():
        table.add_row(name, f"{before:.4f}", f"{after:.4f}", f"{ratio:.2f}")
    Console().print(table)


def settings_at(root: Path) -> Settings:
    """The settings of a lakehouse below a folder."""
    return load_settings(lakehouse_path=root)


def lakehouse_at(settings: Settings) -> Lakehouse:
    """The lakehouse of some settings."""
    return Lakehouse.open(settings)


def take_in_files(lakehouse: Lakehouse, count: int, seed: int) -> float:
    """Take in so many files, one after the other; the median of their seconds."""
    rng, seconds = np.random.default_rng(seed), []
    folder = lakehouse.settings.storage.landing
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        users, movies = rng.integers(1, 601, ROWS), rng.integers(1, 2_001, ROWS)
        stars, day = rng.integers(1, 11, ROWS) / 2, rng.integers(10, 29, ROWS)
        lines = [f"2024-01-{d},{u},{m},{s}" for d, u, m, s in zip(day, users, movies, stars, strict=True)]
        (folder / f"{seed}-{number}.csv").write_text("\n".join(["DATE,CUST_ID,MOVIE_ID,RATING", *lines, ""]))
        seconds.append(timed(lambda: take_in(lakehouse)))
    return statistics.median(seconds)


def live_on(lakehouse: Lakehouse, batches: int) -> None:
    """Put accepted and merged batches into the lakehouse as a year of intakes and merges leaves them."""
    accept_waiting(lakehouse, "bench")
    merge_both(lakehouse)
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(batches)]
    change(lakehouse.root, lambda ledger: _enter(ledger, names))
    for at in range(0, batches, CHUNK):
        _append(lakehouse, names[at : at + CHUNK], at)
    for spec in SIDE_TABLES.values():
        record(lakehouse, spec.name, f"merge:{read_log(lakehouse, spec.name).epoch}:{names[-1]}")
    take_in_files(lakehouse, FIRST_HOUR, seed=2)


def _enter(ledger: sqlite3.Connection, names: list[str]) -> None:
    (taken,) = ledger.execute("SELECT count(*) FROM batches").fetchone()
    ledger.executemany(
        "INSERT INTO batches (batch, taken_ns, source, good, receipt, accepted, report) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (name, START, f"{number}.csv", ROWS, receipt_text(_receipt(name)), taken + number + 1, "bench")
            for number, name in enumerate(names)
        ),
    )


def _receipt(name: str) -> Receipt:
    return Receipt(name, "minute.csv", START, 500, ROWS, ROWS, 0, 0, ROWS, 0, ROWS)


def _append(lakehouse: Lakehouse, names: list[str], at: int) -> None:
    """The rows of some batches, as staged and as merged."""
    rng, n = np.random.default_rng(at), len(names) * ROWS
    minutes = np.repeat(np.arange(at, at + len(names)), ROWS)
    batch = pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(names), dtype=np.int32), ROWS), names)
    columns: dict[str, Any] = {
        "user_id": rng.integers(1, 160_001, n).astype(np.int32),
        "movie_id": rng.integers(1, 20_001, n).astype(np.int32),
        "rating": (rng.integers(1, 11, n) / 2).astype(np.float32),
        "rating_ts": pa.array(START * 1_000_000 + minutes * MINUTE, pa.timestamp("us", tz="UTC")),
    }
    is_train = rng.random(n) < 0.8
    line = np.tile(np.arange(2, ROWS + 2, dtype=np.int64), len(names))
    split = pa.array(np.where(is_train, "train", "test"))
    staged = pa.table({"batch": batch, "line": line, **columns, "split": split})
    write_deltalake(str(lakehouse.path(STREAM_RATINGS.name)), staged, mode="append")
    merged = pa.table({**columns, "origin": batch})
    for side, spec in SIDE_TABLES.items():
        own = merged.filter(pa.array(is_train if side == TRAIN else ~is_train))
        write_deltalake(str(lakehouse.path(spec.name)), own, mode="append")


def measure(settings: Settings, home: Path, runs: int) -> dict[str, float]:
    """Seconds of each step of the loop, in the order of the loop."""
    lakehouse, definitions = lakehouse_at(settings), build_definitions(settings)
    landing, retrain = (definitions.get_sensor_def(name) for name in ("landing_sensor", "retrain_sensor"))
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        leave_runs(instance, home, runs)
        found = {
            "landing sensor's tick": median_of(lambda: landing.evaluate_tick(tick(instance))),
            "retrain sensor's tick": median_of(lambda: retrain.evaluate_tick(tick(instance))),
        }
    found["intake of a file"] = take_in_files(lakehouse, 3 * REPEATS, seed=3)
    found["list of what waits"] = median_of(lambda: waiting(lakehouse))
    found["size of what waits"] = median_of(lambda: waiting_totals(lakehouse))
    found["drift report"] = median_of(lambda: report_on_waiting(lakehouse))
    found["acceptance and merge"] = statistics.median(_merges(lakehouse))
    lakehouse.engine.stop()
    return found


def _merges(lakehouse: Lakehouse) -> Iterator[float]:
    for number in range(REPEATS):
        take_in_files(lakehouse, 2, seed=100 + number)
        yield timed(lambda: (accept_waiting(lakehouse, "bench"), merge_both(lakehouse)))


def merge_both(lakehouse: Lakehouse) -> None:
    """Bring train and test up to date."""
    for side in SIDE_TABLES:
        merge_side(lakehouse, side)


def leave_runs(instance: dg.DagsterInstance, home: Path, count: int) -> None:
    """Leave so many ended intake runs in the instance's sqlite: one as Dagster writes it, the others as its copies."""

    @dg.job(name=STREAM_INTAKE.name)
    def intake() -> None:
        pass

    instance.create_run_for_job(intake, status=dg.DagsterRunStatus.SUCCESS, tags={"reco/intake_group": "0"})
    with closing(sqlite3.connect(home / "history" / "runs.db")) as storage, storage:
        for table, key in (("runs", "run_id"), ("run_tags", "run_id")):
            columns = [name for _, name, *_ in storage.execute(f"PRAGMA table_info({table})") if name != "id"]
            one = storage.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 1").fetchone()
            at, marks = columns.index(key), ",".join("?" * len(columns))
            copies = ([*one[:at], f"run-{number}", *one[at + 1 :]] for number in range(count - 1))
            storage.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", copies)


def tick(instance: dg.DagsterInstance) -> dg.SensorEvaluationContext:
    """What a sensor is given at a tick."""
    return dg.build_sensor_context(instance=instance)


def median_of(work: Callable[[], object]) -> float:
    """Median seconds of a few calls, after one that isn't counted."""
    work()
    return statistics.median(timed(work) for _ in range(REPEATS))


def timed(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


if __name__ == "__main__":
    main()
