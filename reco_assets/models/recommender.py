"""What every model answers, whatever it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reco_assets.models.explanation import Explanation, Reasons
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


class NewMovies(Protocol):
    """Movies without a rating in training, for a model's users: none of those in the model's own `movie_ids`."""

    @property
    def movie_ids(self) -> np.ndarray:
        """What can be listed, sorted."""

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """As of `Recommender`, of these alone; empty lists for users of whom nothing personal is known."""


class Recommender(Protocol):
    """What every model can do. Ids are int32, scores and stars float32."""

    @property
    def new_movies(self) -> NewMovies | None:
        """What can be listed beside `movie_ids`; None where nothing is known of movies without ratings."""

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

    def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """What `recommend` orders by, for n pairs: (n,); -inf for a movie that the model can't recommend."""

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """Best n movies per user, `seen` ones left out; users the model has not seen get lists too.

        `among` (movies,) bool says which of `movie_ids` may be listed; None: all of them.
        """

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

    def reasons(self, lists: TopN, seen: Ratings, n: int) -> Reasons:
        """The n movies of each user that speak most for each movie of the user's list: the same as `explain` says.

        `seen` are ratings of any users, of which each one's own count; the movies of the lists are the model's.
        """

    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the model's own files into an existing folder; returns what `load` has to find in model.json."""
