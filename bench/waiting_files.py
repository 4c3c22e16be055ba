"""How often either policy retrains while files arrive and wait: with windows, and with all that waits as one pool."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from known_ratings import FOLDS, Case, History, load
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from reco_assets.drift.cells import Cells
from reco_assets.drift.replay import POLICIES, RULES, replay
from reco_assets.drift.scan import Arrival
from reco_assets.drift.signals import Yardstick
from reco_assets.streaming.simulate import draw_rows
from resources.settings.drift import DriftSettings


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


def streams() -> Iterator[Stream]:
    """Files without drift, of one size and after a large one, then shifted ones among quiet ones."""
    yield Stream("sessions", (1_000,) * 8, (0.0,) * 8)
    yield Stream("sessions", (2_000,) * 6, (0.0,) * 6)
    yield Stream("sessions", (10_000, 5_000), (0.0, 0.0))
    yield Stream("users", (12_000, 5_000), (0.0, 0.0))
    for stars in (-0.5, -1.0, -1.5):
        yield Stream("users", (12_000, 5_000), (0.0, stars))
    yield Stream("sessions", (10_000, *(500,) * 8), (0.0, *(-1.0,) * 8))


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
    for step in replay(arrivals, read, Yardstick(case.reference, DriftSettings())):
        if step.arrival is not arrivals[0]:
            found.setdefault(f"{step.policy}, {step.rule}", []).append(step.retrained)
    return found


def draw_stream(history: History, rows: Sequence[int], fold: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions of the ratings of each file; no unit is in two of them."""
    free, files = history.folds[fold].copy(), []
    for size in rows:
        within = np.flatnonzero(free)
        files.append(within[draw_rows(history.unit[within], size, rng)])
        free[files[-1]] = False
    return files


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
