"""What every model answers, whatever it is made of. Evaluation, gold, drift, commands and serving know this alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from reco_assets.models.ratings import Ratings
from resources.errors import RecoError


class NoRatingsError(RecoError):
    """There is nothing to fit a model to."""


@dataclass(frozen=True)
class TopN:
    """Lists for u users: user_id (u,), movie_id (u, n) with -1 where a list ends early, score (u, n), best first."""

    user_id: np.ndarray
    movie_id: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Part:
    """One part of a score: what it comes from, how much it adds, and which of the user's movies it is, if it is one."""

    name: str
    value: float
    movie_id: int | None = None


@dataclass(frozen=True)
class Explanation:
    """What speaks for a movie for a user: the parts of the score that it has in the user's list, greatest first."""

    parts: tuple[Part, ...]

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(part.value for part in self.parts)


class Recommender(Protocol):
    """What every model can do. Ids are int32, scores and stars float32."""

    @property
    def user_ids(self) -> np.ndarray:
        """The users that the model was trained on or that were folded in, sorted."""

    @property
    def movie_ids(self) -> np.ndarray:
        """The movies the model can recommend, sorted."""

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """Which of n pairs are warm, both sides seen in training: (n,) bool."""

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """Stars for n pairs, within 0.5 to 5, also where the model knows neither side: (n,)."""

    def recommend(self, user_id: np.ndarray, n: int, seen: Ratings | None = None) -> TopN:
        """Best n movies per user, `seen` ones left out; users the model has not seen get lists too."""

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """Nearest n movies, the movie itself left out; rows as `movie_id`, empty where nothing is known to be alike.

        Raises `KeyError` on a movie the model has not seen.
        """

    def fold_in(self, ratings: Ratings) -> "Recommender":
        """The same model for other users: their side solved from these ratings, the items' side untouched."""

    def explain(self, user_id: int, movie_id: int, seen: Ratings) -> Explanation:
        """What speaks for a movie for a user who rated `seen`; its score is that of the folded-in user's list.

        Raises `KeyError` on a movie the model has not seen.
        """

    def save(self, folder: Path) -> None:
        """Write the model's own files into an existing folder."""


@dataclass(frozen=True)
class Baselines:
    """What a model is held against: the stars of one recommender and the lists of another."""

    bias_only: Recommender
    popularity: Recommender
