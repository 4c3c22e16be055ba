"""Ratings as arrays, and the sparse matrix a model is fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from reco_assets.vocabulary import RATING_COLUMNS


@dataclass(frozen=True)
class Ratings:
    """n ratings: user_id (n,) int32, movie_id (n,) int32, rating (n,) float32 stars."""

    user_id: np.ndarray
    movie_id: np.ndarray
    rating: np.ndarray

    def __len__(self) -> int:
        return len(self.user_id)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Self:
        """From the columns user_id, movie_id and rating of a table: 12 bytes a row."""
        return cls(*(table[name].to_numpy() for name in RATING_COLUMNS))

    @classmethod
    def concat(cls, parts: Sequence["Ratings"]) -> Self:
        """All ratings of the parts, in their order."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in RATING_COLUMNS))

    def where(self, keep: np.ndarray) -> "Ratings":
        """The ratings where `keep` (n,) bool is true."""
        return Ratings(self.user_id[keep], self.movie_id[keep], self.rating[keep])


def positions(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted id stands in the sorted ids; -1 where it does not. Both 1-d; result as long as wanted."""
    if len(ids) == 0:
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, -1)


def known_positions(movie_ids: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
    """Where each movie stands in the sorted ids of a model. Raises `KeyError` on one that does not."""
    at = positions(movie_ids, movie_id)
    if (at < 0).any():
        raise KeyError(f"The model has not seen movie {movie_id[at < 0][0]}.")
    return at


def rating_matrix(ratings: Ratings, user_ids: np.ndarray, movie_ids: np.ndarray) -> sp.csr_matrix:
    """Mean rating per pair, (users, movies) float32; ids that are not listed are left out.

    A pair rated more than once counts once: otherwise re-rating would weigh like several opinions.
    """
    rows, columns = positions(user_ids, ratings.user_id), positions(movie_ids, ratings.movie_id)
    known = (rows >= 0) & (columns >= 0)
    at, shape = (rows[known], columns[known]), (len(user_ids), len(movie_ids))
    total = sp.csr_matrix((ratings.rating[known].astype(np.float32), at), shape=shape)
    if total.nnz < len(at[0]):
        total.data /= sp.csr_matrix((np.ones(len(at[0]), np.float32), at), shape=shape).data
    return total
