"""Movies that nobody rated in training, with the vectors that their features let expect."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reco_assets.models.als.prior import fit_prior
from reco_assets.models.catalogue import Catalogue
from reco_assets.models.columns import matrix, vectors
from reco_assets.models.ratings import Ratings, positions
from reco_assets.models.recommender import TopN
from reco_assets.models.top_n import Side, best_movies, empty_lists

NEW_FILE = "new_movies.parquet"
LONGER = np.float32(1e-5)  # a hundred times what single precision rounds
ENOUGH_RATINGS = 5  # of a movie that is learned from: with fewer its vector says little


@dataclass(frozen=True)
class NewMovies:
    """Movies and users by the vectors of the ranking part; each side sorted by id."""

    movies: Side
    users: Side

    @property
    def movie_ids(self) -> np.ndarray:
        """See `NewMovies` of the interface."""
        return self.movies.ids

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """See `NewMovies` of the interface. Who liked nothing has a vector of zeros, which ranks nothing."""
        lists, at = empty_lists(user_id, n), positions(self.users.ids, user_id)
        own = np.flatnonzero(at >= 0)
        own = own[self.users.factors[at[own]].any(axis=1)]
        if len(own):
            found = best_movies(Side(user_id[own], self.users.factors[at[own]]), self.movies, n, seen, among)
            lists.movie_id[own], lists.score[own] = found.movie_id, found.score
        return lists


@dataclass(frozen=True)
class Rated:
    """The movies that a ranking part knows: ids sorted, vectors (movies, width), how many users rated each."""

    movie_ids: np.ndarray
    vectors: np.ndarray
    counts: np.ndarray


def expected(rated: Rated, catalogue: Catalogue, features: np.ndarray) -> Side:
    """The movies of a catalogue that aren't rated, by what those rated teach; none where too few are.

    `features`: of all movies of the catalogue, as of `Catalogue.features`.
    """
    at = positions(rated.movie_ids, catalogue.movie_ids)
    learned = np.flatnonzero(at >= 0)
    learned = learned[rated.counts[at[learned]] >= ENOUGH_RATINGS]
    if len(learned) < 2:
        return Side(np.zeros(0, np.int32), np.zeros((0, rated.vectors.shape[1]), np.float32))
    new = np.flatnonzero(at < 0)
    # By the logarithm: by counts a few blockbusters would speak for all, AUC 0.797 instead of 0.816 on ml-latest-small.
    weights = np.log1p(rated.counts[at[learned]].astype(np.float64))
    prior = fit_prior(features[learned], rated.vectors[at[learned]], weights)
    return Side(catalogue.movie_ids[new], prior.vectors(features[new]))


def told_apart(new: Side) -> Side:
    """The same movies, each with a vector a little longer than an equal one before it.

    Movies of the same features would tie, and which of them a list gets would differ from one way to make it to
    another: now the later one comes first, which mostly is the newer.
    """
    _, of, times = np.unique(new.factors.round(5), axis=0, return_inverse=True, return_counts=True)
    place = np.empty(len(of), np.float32)
    place[np.argsort(of, kind="stable")] = np.arange(len(of)) - np.repeat(np.cumsum(times) - times, times)
    return Side(new.ids, new.factors * (1 + LONGER * place[:, None]))


def save_new(new: Side | None, folder: Path) -> None:
    """Write the new movies of a version beside its other files; nothing where it knows of none."""
    if new is None:
        return
    rows = {"movie_id": pa.array(new.ids), "ranking_factors": vectors(new.factors)}
    pq.write_table(pa.table(rows), folder / NEW_FILE)


def load_new(folder: Path) -> Side | None:
    """What `save_new` wrote; None of a version without."""
    if not (folder / NEW_FILE).exists():
        return None
    rows = pq.read_table(folder / NEW_FILE)
    return Side(rows["movie_id"].to_numpy(), matrix(rows["ranking_factors"]))
