"""`make calibrate`: how often either policy retrains, on real ratings with and without drift.

Files are whole sessions of ml-latest-small (a user's ratings none of which follows the one before by more than 30
minutes), or whole users; each is compared with the rest of the history, by the very functions that the platform
calls. Sessions are parted into folds, and a champion trained without the fold predicts the files drawn from it.
Tilted files are tilted exponentially, which keeps users as alike as they were.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
from rich.console import Console
from rich.table import Table
from run import HERE, MOVIELENS, machine
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from reco_assets.drift.assessment import ScoredRatings, compare, compare_predictions, verdicts_of
from reco_assets.drift.histograms import RATINGS, UserHistogram, of_values
from reco_assets.drift.policy import DriftConfig
from reco_assets.drift.scores import rating_scale
from reco_assets.models.assets import model_config
from reco_assets.models.ratings import Ratings
from reco_assets.models.recommender import AlsRecommender
from reco_assets.silver.splits import TRAIN
from reco_assets.streaming.sides import hashed_split
from reco_assets.streaming.simulate import draw_rows, draw_users, sessions, tilt
from resources.settings import load_settings

FOLDS = 5
TRAIN_RATIO = 0.8
SIZES = (50, 100, 200, 500, 1_000, 2_000, 5_000)
TILTS = (-0.25, -0.5, -1.0)
USERS = 50


@dataclass(frozen=True)
class History:
    """All ratings; (n,) each: the session or user that a rating is drawn with, its fold, whether it is trained on."""

    ratings: Ratings
    unit: np.ndarray
    fold: np.ndarray
    trained: np.ndarray


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
    enough: bool
    warm: bool
    significant: bool


@dataclass(frozen=True)
class Frequencies:
    """Shares of all files of a cell; mean rows of a file, and mean users on its training side."""

    cell: Cell
    repetitions: int
    rows: float
    users: float
    documented: float
    calibrated: float
    calibrated_interval: tuple[float, float]
    enough_users: float
    warm_pairs: float
    data_significant: float


def main() -> None:
    """Run every cell, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "calibration.json")
    arguments = parser.parse_args()
    run = partial(frequencies, arguments.movielens, arguments.repetitions, arguments.seed)
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(run, cells()))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "seed": arguments.seed, "cells": [asdict(row) for row in found]}
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    print_table(found)


def cells() -> Iterator[Cell]:
    """Files without drift of every size, then tilted ones of 50 users."""
    yield from (Cell("sessions", rows, 0.0) for rows in reversed(SIZES))
    yield from (Cell("sessions", None, stars) for stars in TILTS)
    yield Cell("users", 5_000, 0.0)
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
        enough_users=share(lambda file: file.enough),
        warm_pairs=share(lambda file: file.warm),
        data_significant=share(lambda file: file.significant),
    )


def judge(movielens: Path, cell: Cell, fold: int, rng: np.random.Generator) -> Outcome:
    """Draw a file from a fold, compare it with the rest of the history and ask both policies."""
    config, history = DriftConfig(), load(movielens, cell.unit)
    file = draw(history, cell, fold, rng)
    rest = history.trained.copy()
    rest[file] = False
    new, old = history.ratings.where(file), history.ratings.where(rest)
    new = replace(new, rating=tilt(new.rating, cell.stars, rng, population=history.ratings.rating))
    learned = new.where(history.trained[file])
    data = compare(
        of_values(RATINGS, old.user_id, old.rating),
        of_values(RATINGS, learned.user_id, learned.rating),
        rating_scale(),
        config,
    )
    champion, reference = champion_without(movielens, cell.unit, fold)
    predicted = ScoredRatings.of(champion, new.where(~history.trained[file])).predictions()
    model = compare_predictions(reference, predicted, config)
    verdicts = verdicts_of(data.evidence, model.evidence, None, config)
    return Outcome(
        rows=len(new),
        users=data.current.users,
        documented=verdicts["documented"].retrain,
        calibrated=verdicts["calibrated"].retrain,
        enough=data.current.users >= config.min_users,
        warm=model.score is not None,
        significant=data.evidence is not None and data.evidence.p_value <= config.p_value,
    )


def draw(history: History, cell: Cell, fold: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of a file's ratings."""
    within = np.flatnonzero(history.fold == fold)
    unit = history.unit[within]
    if cell.rows:
        return within[draw_rows(unit, cell.rows, rng)]
    return within[draw_users(unit, history.ratings.user_id[within], USERS, rng)]


@cache
def load(movielens: Path, unit: str) -> History:
    """Read ratings.csv; units are parted into folds, and pairs into sides, by hashes and a fixed seed."""
    columns = pc.read_csv(movielens / "ratings.csv")
    users, movies, seconds = (columns[name].to_numpy() for name in ("userId", "movieId", "timestamp"))
    ratings = Ratings(users.astype(np.int32), movies.astype(np.int32), columns["rating"].to_numpy().astype(np.float32))
    units = np.unique(users if unit == "users" else sessions(users, seconds), return_inverse=True)[1]
    fold = np.random.default_rng(0).integers(0, FOLDS, units.max() + 1)[units]
    return History(ratings, units, fold, hashed_split(ratings.user_id, ratings.movie_id, TRAIN_RATIO) == TRAIN)


@cache
def champion_without(movielens: Path, unit: str, fold: int) -> tuple[AlsRecommender, UserHistogram]:
    """A model trained on the other folds, and what it predicts for their test side."""
    history = load(movielens, unit)
    others = history.fold != fold
    champion = AlsRecommender.fit(history.ratings.where(others & history.trained), model_config(load_settings()))
    test = history.ratings.where(others & ~history.trained)
    return champion, ScoredRatings.of(champion, test).predictions()


def print_table(found: list[Frequencies]) -> None:
    """The table of docs/drift.md."""
    table = Table("drawn", "tilt", "rows", "users", "documented", "calibrated", "95 % interval", "enough users")
    table.add_column("model judged")
    table.add_column("data p <= 0.01")
    for row in found:
        low, high = row.calibrated_interval
        table.add_row(
            f"whole {row.cell.unit}, {row.cell.rows or USERS:,} {'rows' if row.cell.rows else 'users'}",
            f"{row.cell.stars:+g}" if row.cell.stars else "none",
            f"{row.rows:,.0f}",
            f"{row.users:.0f}",
            f"{row.documented:.1%}",
            f"{row.calibrated:.1%}",
            f"{low:.1%} to {high:.1%}",
            f"{row.enough_users:.0%}",
            f"{row.warm_pairs:.0%}",
            f"{row.data_significant:.1%}",
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
