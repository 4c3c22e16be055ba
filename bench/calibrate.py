"""`make calibrate`: how often either policy retrains, on real ratings with and without drift.

Files are whole sessions of ml-latest-small (a user's ratings none of which follows the one before by more than 30
minutes), or whole users; each is compared with the rest of the history, by the very functions that the platform
calls. Sessions are parted into folds, and a champion trained without the fold predicts the files drawn from it.
Tilted files are tilted exponentially, which keeps users as alike as they were. Files also arrive one after the other,
and wait: what windows add to that, and what a pool hides, is a second table.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
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

from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.decision import Evidence, decide_pool
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.policy import CALIBRATED, DOCUMENTED, DriftConfig
from reco_assets.drift.replay import POLICIES, RULES, replay
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Occurrences
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
NO_TEST = ScoredRatings(*(np.empty(0) for _ in range(3)), np.empty(0, bool))


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


@dataclass(frozen=True)
class Stream:
    """Files that arrive one after the other: what they are drawn of, the rows and the tilt of each."""

    unit: str
    rows: tuple[int, ...]
    stars: tuple[float, ...]


@dataclass(frozen=True)
class StreamFrequencies:
    """By policy and rule (windows, or the pool alone): the share of reports after a stream's first that retrain, and
    of streams in which one of them does.
    """

    stream: Stream
    repetitions: int
    reports: dict[str, float]
    streams: dict[str, float]


def main() -> None:
    """Run every cell, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--stream-repetitions", type=int, default=100)
    parser.add_argument("--streams-only", action="store_true", help="leave out the table of single files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "calibration.json")
    arguments = parser.parse_args()
    run = partial(frequencies, arguments.movielens, arguments.repetitions, arguments.seed)
    shared = arguments.movielens, arguments.stream_repetitions, arguments.seed
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(run, [] if arguments.streams_only else cells()))
        streamed = list(pool.map(partial(stream_frequencies, *shared), streams()))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "seed": arguments.seed, "cells": [asdict(row) for row in found]}
    document["streams"] = [asdict(row) for row in streamed]
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    print_table(found)
    print_streams(streamed)


def streams() -> Iterator[Stream]:
    """Files without drift, of one size and after a large one, then shifted ones among quiet ones."""
    yield Stream("sessions", (1_000,) * 8, (0.0,) * 8)
    yield Stream("sessions", (2_000,) * 6, (0.0,) * 6)
    yield Stream("sessions", (10_000, 5_000), (0.0, 0.0))
    yield Stream("users", (12_000, 5_000), (0.0, 0.0))
    for stars in (-0.5, -1.0, -1.5):
        yield Stream("users", (12_000, 5_000), (0.0, stars))
    yield Stream("sessions", (10_000, *(500,) * 8), (0.0, *(-1.0,) * 8))


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
    case = Case.of(movielens, cell.unit, fold, [file])
    cells = case.cells(file, cell.stars, 0, rng)
    train, warm = int(cells.train[:, 3].sum()), int(cells.warm[:, 3].sum())
    scan = Scan().take([Arrival("file", "", train, warm)], cells, case.reference, config)
    evidence = Evidence.of(scan, case.reference, config)
    verdicts, data = decide_pool(evidence), evidence.pool["data_drift"]
    return Outcome(
        rows=len(file),
        users=data["users"]["current"],
        documented=verdicts[DOCUMENTED].retrain,
        calibrated=verdicts[CALIBRATED].retrain,
        enough=data["users"]["current"] >= config.min_users,
        warm=evidence.pool["model_drift"]["score"] is not None,
        significant=data.get("p_value", 1.0) <= config.p_value,
    )


@dataclass(frozen=True)
class Case:
    """A champion that saw no rating of a fold, and the history without the files drawn from it."""

    history: History
    champion: AlsRecommender
    reference: Cells

    @classmethod
    def of(cls, movielens: Path, unit: str, fold: int, files: Sequence[np.ndarray]) -> "Case":
        """Leave these files out of what is compared with."""
        history = load(movielens, unit)
        champion, warm = champion_without(movielens, unit, fold)
        rest = history.trained.copy()
        rest[np.concatenate(files)] = False
        old = history.ratings.where(rest)
        trained = of_values(RATINGS, old.user_id, old.rating)
        movies = Occurrences(champion.movie_ids, champion.item_counts)
        return cls(history, champion, replace(cells_of(trained, NO_TEST, movies), warm=warm))

    def cells(self, file: np.ndarray, stars: float, position: int, rng: np.random.Generator) -> Cells:
        """A file's ratings, tilted by so many stars and split, as the batch at a position."""
        new = self.history.ratings.where(file)
        new = replace(new, rating=tilt(new.rating, stars, rng, population=self.history.ratings.rating))
        trained = self.history.trained[file]
        learned, test = new.where(trained), ScoredRatings.of(self.champion, new.where(~trained))
        zeros = np.zeros(len(learned), np.int64), np.zeros(len(test.user_id), np.int64)
        return count_batches(zeros[0], learned, zeros[1], test, position)


def stream_frequencies(movielens: Path, repetitions: int, seed: int, stream: Stream) -> StreamFrequencies:
    """Draw and replay a stream's files; every stream has a seed of its own."""
    with threadpool_limits(1):
        runs = [judge_stream(movielens, stream, n, np.random.default_rng([seed, n])) for n in range(repetitions)]
    ways = [f"{policy}, {rule}" for policy in POLICIES for rule in RULES]
    return StreamFrequencies(
        stream,
        repetitions,
        reports={way: float(np.mean([np.mean(run[way]) for run in runs])) for way in ways},
        streams={way: float(np.mean([any(run[way]) for run in runs])) for way in ways},
    )


def judge_stream(movielens: Path, stream: Stream, number: int, rng: np.random.Generator) -> dict[str, list[bool]]:
    """Let the files of a stream arrive; by policy and rule, whether each of the reports after the first retrained."""
    fold, history = number % FOLDS, load(movielens, stream.unit)
    files = draw_stream(history, stream.rows, fold, rng)
    case = Case.of(movielens, stream.unit, fold, files)
    seeds = rng.integers(0, 2**31, len(files))

    def read(arrival: Arrival, position: int) -> Cells:
        at = int(arrival.batch)
        return case.cells(files[at], stream.stars[at], position, np.random.default_rng(seeds[at]))

    arrivals = [
        Arrival(str(at), "", int(history.trained[file].sum()), int((~history.trained[file]).sum()))
        for at, file in enumerate(files)
    ]
    found: dict[str, list[bool]] = {}
    for step in replay(arrivals, read, case.reference, DriftConfig()):
        if step.arrival is not arrivals[0]:
            found.setdefault(f"{step.policy}, {step.rule}", []).append(step.retrained)
    return found


def draw_stream(history: History, rows: Sequence[int], fold: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions of the ratings of each file; no unit is in two of them."""
    free, files = history.fold == fold, []
    for size in rows:
        within = np.flatnonzero(free)
        files.append(within[draw_rows(history.unit[within], size, rng)])
        free[files[-1]] = False
    return files


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
def champion_without(movielens: Path, unit: str, fold: int) -> tuple[AlsRecommender, np.ndarray]:
    """A model trained on the other folds, and the cells of what it predicts for their test side."""
    history = load(movielens, unit)
    others = history.fold != fold
    champion = AlsRecommender.fit(history.ratings.where(others & history.trained), model_config(load_settings()))
    test = ScoredRatings.of(champion, history.ratings.where(others & ~history.trained))
    none = np.empty(0, np.int64)
    return champion, count_batches(none, Ratings(none, none, none), np.zeros(len(test.user_id), np.int64), test).warm


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


def print_streams(found: list[StreamFrequencies]) -> None:
    """The table of windows in docs/drift.md: reports after the first that retrain, and streams in which one does."""
    table = Table("files of", "rows", "tilt", *found[0].reports)
    for row in found:
        cells = [f"{row.reports[way]:.1%} / {row.streams[way]:.0%}" for way in row.reports]
        stars = ", ".join(f"{each:+g}" if each else "0" for each in dict.fromkeys(row.stream.stars))
        rows = row.stream.rows
        sizes = f"{len(rows)} x {rows[0]:,}" if len(set(rows)) == 1 else ", ".join(f"{size:,}" for size in rows)
        table.add_row(f"whole {row.stream.unit}", sizes, stars, *cells)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
