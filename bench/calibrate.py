"""`make calibrate`: how often each policy retrains, on real ratings with and without drift.

Files are whole sessions of ml-latest-small (a user's ratings none of which follows the one before by more than 30
minutes), whole users, or one run of at most 10 ratings of each user; each is compared with the rest of the history, by
the very functions that the platform calls. Sessions are parted into folds, and a champion trained without the fold
predicts the files drawn from it.
Tilted files are tilted exponentially, which keeps users as alike as they were. Files also arrive one after the other,
and wait: what windows add to that, and what a pool hides, is a second table.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from known_ratings import FEW, FOLDS, Case, History, load
from measuring import HERE, MOVIELENS, machine
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits
from waiting_files import print_streams, stream_frequencies, streams

from reco_assets.drift.decision import Evidence, decide_pool
from reco_assets.drift.policy import ADAPTIVE, CALIBRATED, DOCUMENTED
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import SIGNALS, Yardstick
from reco_assets.streaming.simulate import draw_rows, draw_users
from resources.settings.drift import DriftSettings

SIZES = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
TILTS = (-0.25, -0.5, -1.0)
USERS = 50
UNITS = ("sessions", "users", FEW)
REASONS = tuple(signal.triggers.reason for signal in SIGNALS if signal.triggers)


@dataclass(frozen=True)
class Cell:
    """One row of the table: what a file is drawn of, `rows` of it or else 50 users, and its tilt."""

    unit: str
    rows: int | None
    stars: float


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    rows: int
    users: int
    documented: bool
    calibrated: bool
    triggers: tuple[str, ...]
    enough: bool
    warm: bool
    significant: bool


@dataclass(frozen=True)
class Frequencies:
    """Shares of all files of a cell; mean rows of a file, and mean users on its training side.

    `adaptive`: where the calibrated policy or a trigger retrains; `triggers`: the share of each by its reason.
    """

    cell: Cell
    repetitions: int
    rows: float
    users: float
    documented: float
    calibrated: float
    calibrated_interval: tuple[float, float]
    adaptive: float
    triggers: dict[str, float]
    enough_users: float
    warm_pairs: float
    data_significant: float


def main() -> None:
    """Run every cell, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--repetitions", type=int, default=250)
    parser.add_argument("--stream-repetitions", type=int, default=30)
    parser.add_argument("--only", choices=(*UNITS, "streams"), help="files that are drawn so, or the streams, alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "calibration.json")
    arguments = parser.parse_args()
    run = partial(frequencies, arguments.movielens, arguments.repetitions, arguments.seed)
    shared = arguments.movielens, arguments.stream_repetitions, arguments.seed
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(run, [cell for cell in cells() if arguments.only in (None, cell.unit)]))
        asked = streams() if arguments.only in (None, "streams") else []
        streamed = list(pool.map(partial(stream_frequencies, *shared), asked))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "seed": arguments.seed, "cells": [asdict(row) for row in found]}
    document["streams"] = [asdict(row) for row in streamed]
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    if found:
        print_table(found)
    if streamed:
        print_streams(streamed)


def cells() -> Iterator[Cell]:
    """Files without drift of every size, then tilted ones of 50 users."""
    yield from (Cell("sessions", rows, 0.0) for rows in reversed(SIZES))
    yield from (Cell("sessions", None, stars) for stars in TILTS)
    yield from (Cell(FEW, rows, 0.0) for rows in reversed(SIZES))
    yield from (Cell("users", rows, 0.0) for rows in reversed(SIZES))
    yield from (Cell("users", None, stars) for stars in TILTS)


def frequencies(movielens: Path, repetitions: int, seed: int, cell: Cell) -> Frequencies:
    """Draw and judge a cell's files; every file has a seed of its own."""
    with threadpool_limits(1):
        files = [judge(movielens, cell, n % FOLDS, np.random.default_rng([seed, n])) for n in range(repetitions)]

    def share(of: Callable[[Outcome], bool]) -> float:
        return float(np.mean([of(file) for file in files]))

    retrained = sum(file.calibrated for file in files)
    interval = binomtest(retrained, repetitions).proportion_ci(0.95)
    return Frequencies(
        cell,
        repetitions,
        rows=float(np.mean([file.rows for file in files])),
        users=float(np.mean([file.users for file in files])),
        documented=share(lambda file: file.documented),
        calibrated=retrained / repetitions,
        calibrated_interval=(interval.low, interval.high),
        adaptive=share(lambda file: file.calibrated or bool(file.triggers)),
        triggers={name: share(lambda file, name=name: name in file.triggers) for name in REASONS},
        enough_users=share(lambda file: file.enough),
        warm_pairs=share(lambda file: file.warm),
        data_significant=share(lambda file: file.significant),
    )


def judge(movielens: Path, cell: Cell, fold: int, rng: np.random.Generator) -> Outcome:
    """Draw a file from a fold, compare it with the rest of the history and ask both policies."""
    config, history = DriftSettings(), load(movielens, cell.unit)
    file = draw(history, cell, fold, rng)
    case = Case.of(movielens, cell.unit, fold, [file])
    cells = case.cells(file, cell.stars, 0, rng)
    train, warm = int(cells.train[:, 3].sum()), int(cells.warm[:, 3].sum())
    yardstick = Yardstick(case.reference, config)
    scan = Scan().take([Arrival("file", "", train, warm)], cells, yardstick)
    evidence = Evidence.of(scan, yardstick)
    verdicts, data = decide_pool(evidence), evidence.pool["data_drift"]
    return Outcome(
        rows=len(file),
        users=data["users"]["current"],
        documented=verdicts[DOCUMENTED].retrain,
        calibrated=verdicts[CALIBRATED].retrain,
        triggers=tuple(reason for reason in verdicts[ADAPTIVE].reasons if reason in REASONS),
        enough=data["users"]["current"] >= config.min_users,
        warm=evidence.pool["model_drift"]["score"] is not None,
        significant=data.get("p_value", 1.0) <= config.p_value,
    )


def draw(history: History, cell: Cell, fold: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of a file's ratings."""
    within = np.flatnonzero(history.folds[fold])
    unit = history.unit[within]
    if cell.rows:
        return within[draw_rows(unit, cell.rows, rng)]
    return within[draw_users(unit, history.ratings.user_id[within], USERS, rng)]


def print_table(found: list[Frequencies]) -> None:
    """The table of docs/drift.md."""
    table = Table("drawn", "tilt", "rows", "users", "documented", "calibrated", "95 % interval", "adaptive", "triggers")
    table.add_column("enough users")
    table.add_column("model judged")
    table.add_column("data p <= 0.01")
    for row in found:
        low, high = row.calibrated_interval
        table.add_row(
            f"{row.cell.unit}, {row.cell.rows or USERS:,} {'rows' if row.cell.rows else 'users'}",
            f"{row.cell.stars:+g}" if row.cell.stars else "none",
            f"{row.rows:,.0f}",
            f"{row.users:.0f}",
            f"{row.documented:.1%}",
            f"{row.calibrated:.1%}",
            f"{low:.1%} to {high:.1%}",
            f"{row.adaptive:.1%}",
            ", ".join(f"{name} {share:.1%}" for name, share in row.triggers.items() if share),
            f"{row.enough_users:.0%}",
            f"{row.warm_pairs:.0%}",
            f"{row.data_significant:.1%}",
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
