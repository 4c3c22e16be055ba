"""A version as MLflow's Python function: `mlflow.pyfunc.load_model` finds this module by the version's description."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reco_assets.models.families import family_named
from reco_assets.models.interface import Recommender
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED
from reco_assets.models.versions.files import load_model
from reco_assets.models.versions.flavour import LIST_LENGTH, family_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RankedMovies:
    """What MLflow asks: a model's lists as rows."""

    model: Recommender

    def predict(self, asked: "pd.DataFrame", params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """The best movies of each user, a row for each: user_id, rank from 1, movie_id, score.

        Args:
            asked: user_id, and where it is there `seen`: the movies of the row's user that are to be left out.
            params: `n`, how long a list is at most; 10 without it.
        """
        import pandas as pd

        users = asked["user_id"].to_numpy(np.int32)
        n = int((params or {}).get("n", LIST_LENGTH))
        lists = self.model.recommend(users, n, _seen(users, asked["seen"]) if "seen" in asked else None)
        row, place = np.nonzero(lists.movie_id != MASKED)
        return pd.DataFrame(
            {
                "user_id": users[row],
                "rank": (place + 1).astype(np.int32),
                "movie_id": lists.movie_id[row, place],
                "score": lists.score[row, place],
            }
        )


def ranked_movies(path: str) -> RankedMovies:
    """The model of a version's folder. Raises `ModelStoreError`."""
    folder = Path(path)
    return RankedMovies(load_model(folder, family_named(family_of(folder))))


_load_pyfunc = ranked_movies  # the name that MLflow calls


def _seen(users: np.ndarray, seen: "pd.Series[Any]") -> Ratings:
    movies = [np.asarray([] if each is None else each, np.int32) for each in seen]
    of = np.repeat(users, [len(each) for each in movies])
    return Ratings(of, np.concatenate([*movies, np.zeros(0, np.int32)]), np.zeros(len(of), np.float32))
