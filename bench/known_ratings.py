"""Real ratings whose drift is known: history in folds, a champion that saw none of a fold, and files drawn from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.csv as pc

from reco_assets.batches.sides import hashed_split
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.measures import Occurrences
from reco_assets.models.als.family import configure
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.ratings import Ratings
from reco_assets.streaming.simulate import half_stars, sessions, tilt
from reco_assets.vocabulary import TRAIN
from resources.settings import load_settings

FOLDS = 5
RUN = 10  # ratings
FEW = f"runs of {RUN} ratings"  # one of each user
TRAIN_RATIO = 0.8
NO_TEST = ScoredRatings(*(np.empty(0) for _ in range(3)), np.empty(0, bool))


@dataclass(frozen=True)
class History:
    """All n ratings; (n,) each: the session or user that a rating is drawn with, whether it is trained on.

    `folds` (folds, n): which ratings files are drawn from, in turn; of the others a champion was made.
    """

    ratings: Ratings
    unit: np.ndarray
    folds: np.ndarray
    trained: np.ndarray


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
        new = replace(new, rating=tilt(new.rating, stars, rng, half_stars(self.history.ratings.rating)))
        trained = self.history.trained[file]
        learned, test = new.where(trained), ScoredRatings.of(self.champion, new.where(~trained))
        zeros = np.zeros(len(learned), np.int64), np.zeros(len(test.user_id), np.int64)
        return count_batches(zeros[0], learned, zeros[1], test, position)


@cache
def load(movielens: Path, unit: str) -> History:
    """Read ratings.csv; units are parted into folds, and pairs into sides, by hashes and a fixed seed."""
    columns = pc.read_csv(movielens / "ratings.csv")
    users, movies, seconds = (columns[name].to_numpy() for name in ("userId", "movieId", "timestamp"))
    ratings = Ratings(users.astype(np.int32), movies.astype(np.int32), columns["rating"].to_numpy().astype(np.float32))
    drawn_with = sessions(users, seconds) if unit == "sessions" else users
    units = np.unique(drawn_with, return_inverse=True)[1]
    fold = np.random.default_rng(0).integers(0, FOLDS, units.max() + 1)[units]
    folds = np.arange(FOLDS)[:, None] == fold
    if unit == FEW:  # every user has a run in each fold: a file of 5,000 ratings needs 500 users
        folds = np.stack([_one_run(users, seconds, np.random.default_rng([1, number])) for number in range(FOLDS)])
    return History(ratings, units, folds, hashed_split(ratings.user_id, ratings.movie_id, TRAIN_RATIO) == TRAIN)


def _one_run(users: np.ndarray, seconds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which of n ratings are in the run of at most `RUN` that is drawn of each user: some that follow each other."""
    order = np.lexsort((seconds, users))
    _, first, rows = np.unique(users[order], return_index=True, return_counts=True)
    start = first + rng.integers(0, np.maximum(rows - RUN, 0) + 1)
    chosen = np.zeros(len(users), bool)
    at = start[:, None] + np.arange(RUN)
    chosen[order[at[at < (first + rows)[:, None]]]] = True
    return chosen


@cache
def champion_without(movielens: Path, unit: str, fold: int) -> tuple[AlsRecommender, np.ndarray]:
    """A model trained on the other folds, and the cells of what it predicts for their test side."""
    history = load(movielens, unit)
    others = ~history.folds[fold]
    champion = AlsRecommender.fit(history.ratings.where(others & history.trained), configure(load_settings()))
    test = ScoredRatings.of(champion, history.ratings.where(others & ~history.trained))
    none = np.empty(0, np.int64)
    return champion, count_batches(none, Ratings(none, none, none), np.zeros(len(test.user_id), np.int64), test).warm
