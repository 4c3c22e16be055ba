"""`make bench-retraining`: what a retraining wins, by how many new ratings wait, by whom, and by the champion's age.

Forward in time on ml-latest-small, two studies. In the first a third of the users is unknown to the champion. Batches
are mixed from the next ratings of known users and the first ones of unknown users, and all models are judged on what
the same users rated after that. In the second the champion knows all ratings until some day, and is judged on what was
rated so many days later, beside a model that was trained by then: on all ratings, or on the newest, as many as
the champion had, so that age alone is what differs. "Beyond noise" is what the promotion gate says.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
from measuring import HERE, MOVIELENS, machine
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import configure
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.settling import settle
from reco_assets.models.judging.comparison import Difference, draw
from reco_assets.models.judging.evaluation import Exam, Protocol
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Cut, Dated, Goal, held_out_slice
from resources.settings import load_settings

SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)  # of a batch's ratings that are by unknown users
VOLUMES = (0.02, 0.05, 0.1, 0.2, 0.3)  # of the ratings that the champion was trained on
DAYS = (7, 30, 90, 180, 365, 730)
MOMENTS = tuple(np.linspace(0.35, 0.85, 11).tolist())  # until which share of all ratings champions were trained
JUDGED = 4_000  # ratings that a model is judged on in the second study
UNKNOWN = 1 / 3  # of the users
KNOWN_PART, WAITING_PART = 0.6, 0.2  # of a known user's ratings: trained on, and in batches; the rest comes later
PROTOCOL = Protocol(10, 4.0, "drop", "forward in time")
SAMPLES = 499
SECONDS_A_DAY = 86_400
CHAMPION, FOLDED, RETRAINED, NEWEST = "champion", "folded in", "retrained", "as many newest"
BEYOND = "retrained, beyond folding in"


@dataclass(frozen=True)
class Gain:
    """What a model won over the champion: stars of RMSE over all pairs, NDCG@10; whether beyond noise."""

    rmse: float
    rmse_sure: bool
    ndcg: float
    ndcg_sure: bool


@dataclass(frozen=True)
class Found:
    """A batch or an age, as `volume` (share of what the champion was trained on), `unknown` (share of the batch by
    unknown users) and `days`; and what models won, by their names.
    """

    volume: float
    unknown: float
    days: float | None
    gains: dict[str, Gain]


def main() -> None:
    """Run both studies, print their tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--draws", type=int, default=8, help="of users, in the first study")
    parser.add_argument("--only", choices=("mix", "age"), help="one of the studies")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "retraining.json")
    arguments = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        mixed = pool.map(partial(mix, arguments.movielens), [] if arguments.only == "age" else range(arguments.draws))
        aged = pool.map(partial(age, arguments.movielens), [] if arguments.only == "mix" else MOMENTS)
        by_mix, by_age = ([found for part in parts for found in part] for parts in (mixed, aged))
    document = {
        "machine": machine(),
        "mix": [asdict(each) for each in by_mix],
        "age": [asdict(each) for each in by_age],
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    print_groups(by_mix, "unknown", SHARES, (RETRAINED, BEYOND))
    print_groups(by_mix, "volume", VOLUMES, (RETRAINED, BEYOND))
    print_groups(by_age, "days", DAYS, (RETRAINED, NEWEST))


def load(movielens: Path) -> Dated:
    """All ratings, in the order of time; moments in seconds."""
    columns = pc.read_csv(movielens / "ratings.csv").sort_by([("timestamp", "ascending"), ("userId", "ascending")])
    users, movies, stars, seconds = (columns[name].to_numpy() for name in ("userId", "movieId", "rating", "timestamp"))
    return Dated(Ratings(users.astype(np.int32), movies.astype(np.int32), stars.astype(np.float32)), seconds)


def mix(movielens: Path, number: int) -> list[Found]:
    """The first study, on one draw of unknown users."""
    everything, rng = load(movielens), np.random.default_rng(number)
    users = everything.ratings.user_id
    unknown = np.isin(users, rng.permutation(np.unique(users))[: round(UNKNOWN * len(np.unique(users)))])
    place = _place(users)
    trained = ~unknown & (place < KNOWN_PART)
    waiting = np.where(unknown, place < 1 / 2, ~trained & (place < KNOWN_PART + WAITING_PART))
    champion, config = trained_on(everything.where(trained))
    found = []
    with threadpool_limits(1):
        for share, volume in product(SHARES, VOLUMES):
            rows = volume * trained.sum()
            new, old = (
                _some_users(users, waiting & of, part * rows, rng)
                for of, part in ((unknown, share), (~unknown, 1 - share))
            )
            batch = waiting & np.isin(users, np.concatenate([new, old]))
            later = np.isin(users, users[batch]) & ~trained & ~waiting
            known = everything.ratings.where(trained | batch)
            models = {
                CHAMPION: champion,
                FOLDED: champion.fold_in(known.where(np.isin(known.user_id, users[batch]))),
                RETRAINED: AlsRecommender.fit(known, config),
            }
            gains = gains_of(models, Exam(everything.ratings.where(later), known, PROTOCOL))
            found.append(Found(volume, share, None, gains))
    return found


def age(movielens: Path, moment: float) -> list[Found]:
    """The second study, of champions that were trained until a moment: a share of all ratings."""
    everything = load(movielens)
    assert everything.moment is not None
    until = round(moment * len(everything))
    day = everything.moment[until]
    champion, config = trained_on(everything.where(np.arange(until)))
    return list(_aged(everything, champion, config, until, int(day)))


def _aged(everything: Dated, champion: AlsRecommender, config: ModelConfig, until: int, day: int) -> Iterator[Found]:
    assert everything.moment is not None
    ratings = everything.ratings
    for days in DAYS:
        now = int(np.searchsorted(everything.moment, day + days * SECONDS_A_DAY))
        if now + JUDGED > len(everything):
            return
        known, newest = (ratings.where(np.arange(first, now)) for first in (0, now - until))
        unknown = ~np.isin(ratings.user_id[until:now], ratings.user_id[:until])
        with threadpool_limits(1):
            models = {
                CHAMPION: champion,
                **{name: AlsRecommender.fit(each, config) for name, each in ((RETRAINED, known), (NEWEST, newest))},
            }
            gains = gains_of(models, Exam(ratings.where(np.arange(now, now + JUDGED)), known, PROTOCOL))
        yield Found((now - until) / until, float(unknown.mean()) if now > until else 0.0, float(days), gains)


def trained_on(trained: Dated) -> tuple[AlsRecommender, ModelConfig]:
    """A model as a training makes it, and what that training settled."""
    settings = load_settings()
    goal = Goal(PROTOCOL.k, PROTOCOL.threshold, settings.training.seed, "embedded", Cut("per_user"))
    with threadpool_limits(1):
        config = settle(held_out_slice(trained, goal), configure(settings), goal).config
        return AlsRecommender.fit(trained.ratings, config), config


def gains_of(models: Mapping[str, AlsRecommender], exam: Exam) -> dict[str, Gain]:
    """What all but the champion won over it, by the promotion gate's bootstrap of users, and one over folding in."""
    draws = draw({name: exam.evaluate(model).by_user for name, model in models.items()}, SAMPLES, 0)
    found = {name: draws.compare(name, CHAMPION) for name in models if name != CHAMPION}
    if FOLDED in models:
        found[BEYOND] = draws.compare(RETRAINED, FOLDED)
    return {name: Gain(*_won(each.rmse, -1), *_won(each.ndcg, 1)) for name, each in found.items()}


def _won(difference: Difference | None, sign: int) -> tuple[float, bool]:
    if difference is None:
        return 0.0, False
    ends = sign * difference.low, sign * difference.high
    return sign * (difference.candidate - difference.rival), min(ends) > 0


def _place(users: np.ndarray) -> np.ndarray:
    """Where each of n ratings, in the order of time, stands among its user's own, from 0 to below 1."""
    order = np.argsort(users, kind="stable")
    _, first, counts = np.unique(users[order], return_index=True, return_counts=True)
    place = np.empty(len(users))
    place[order] = (np.arange(len(users)) - np.repeat(first, counts)) / np.repeat(counts, counts)
    return place


def _some_users(users: np.ndarray, among: np.ndarray, rows: float, rng: np.random.Generator) -> np.ndarray:
    """Whole users, drawn until they have about so many of the ratings `among` (n,) bool."""
    ids, counts = np.unique(users[among], return_counts=True)
    order = rng.permutation(len(ids))
    return ids[order[: np.searchsorted(np.cumsum(counts[order]), rows, side="right")]]


def print_groups(found: list[Found], by: str, values: tuple[float, ...], names: tuple[str, ...]) -> None:
    """A table of docs/drift.md: mean gains of the cells with each value, and the share of them that is beyond noise."""
    if not found:
        return
    table = Table(
        by,
        "cells",
        "new ratings",
        "by unknown users",
        *(f"{name}: {what}" for name in names for what in ("RMSE", "sure", "NDCG", "sure")),
    )
    for value in values:
        cells = [each for each in found if getattr(each, by) == value]
        row = [f"{value:g}", str(len(cells))]
        row += [f"{np.mean([getattr(each, what) for each in cells]):.2f}" for what in ("volume", "unknown")]
        for name in names:
            gains = [each.gains[name] for each in cells]
            for score in ("rmse", "ndcg"):
                row.append(f"{np.mean([getattr(gain, score) for gain in gains]):+.4f}")
                row.append(f"{np.mean([getattr(gain, f'{score}_sure') for gain in gains]):.0%}")
        table.add_row(*row)
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
