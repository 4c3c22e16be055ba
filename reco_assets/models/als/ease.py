"""EASE, and its weights as a product of factors, so that lists are made as those of ALS. Pure.

    Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data", eq. 8: with X the likes (users, movies),
    G = X'X and P = (G + lambda I)^-1, the weights are B = I - P / diag(P), a column divided by its element, with zeros
    on the diagonal, and a user's scores are X_u B.

B is kept as B V V', with V its greatest right singular vectors: at rank 128 a slice of ml-latest-small's training
ratings is ranked as by all of B (NDCG@10 0.136 and 0.197 by user and random, full rank 0.136 and 0.198).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from reco_assets.models.als.config import EaseConfig

LEAST_LIKES = 5  # of a movie that EASE knows: with fewer its weights are noise, and they cost as much
COLUMNS_AT_ONCE = 512  # of G


@dataclass(frozen=True)
class Ease:
    """What a like of each movie adds to its user's vector, and what that is multiplied by: (movies, rank) float32.

    Movies that EASE doesn't know have zeros in both.
    """

    adds: np.ndarray
    items: np.ndarray


def known_movies(likes: sp.csr_matrix, config: EaseConfig) -> np.ndarray:
    """The positions of the movies that EASE learns from likes (users, movies): the most liked, where they are many."""
    counts = np.bincount(likes.indices, minlength=likes.shape[1])
    most_liked = np.argsort(-counts, kind="stable")[: config.max_movies]
    return np.sort(most_liked[counts[most_liked] >= LEAST_LIKES])


def fit_ease(likes: sp.csr_matrix, config: EaseConfig) -> Ease:
    """Fit EASE to likes (users, movies), all ones. The number of cores changes nothing.

    Memory holds 12 bytes for each pair of movies that it knows: 300 MB for 5,000.
    """
    known = known_movies(likes, config)
    rank = max(1, min(config.rank, len(known) - 1))
    adds, items = np.zeros((2, likes.shape[1], rank), np.float32)
    if len(known) > rank:
        with threadpool_limits(1):
            weights = _weights(likes[:, known], config.reg_param)
            items[known] = _right_singular_vectors(weights, rank)
            adds[known] = weights @ items[known]
    return Ease(adds, items)


def _right_singular_vectors(weights: np.ndarray, rank: int) -> np.ndarray:
    """Those of the greatest singular values, (movies, rank)."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    squared = LinearOperator(weights.shape, matvec=lambda x: weights.T @ (weights @ x), dtype=weights.dtype)
    # Start and restarts are fixed, as others would end in other bits: `svds` draws where singular values are equal.
    start, rng = np.ones(len(weights), weights.dtype), np.random.default_rng(0)
    _, vectors = eigsh(squared, k=rank, v0=start, rng=rng)
    orthonormal: np.ndarray = np.linalg.qr(vectors)[0]
    return orthonormal


def _weights(likes: sp.csr_matrix, reg_param: float) -> np.ndarray:
    """B (movies, movies) float32."""
    from scipy.linalg import lapack

    together, by_movie = np.empty((likes.shape[1],) * 2, order="F"), likes.T.tocsr()
    for start in range(0, likes.shape[1], COLUMNS_AT_ONCE):
        some = slice(start, start + COLUMNS_AT_ONCE)
        together[:, some] = (by_movie @ likes[:, some]).toarray()
    together[np.diag_indices_from(together)] += reg_param
    upper, _ = lapack.dpotrf(together, overwrite_a=True)
    inverse, _ = lapack.dpotri(upper, overwrite_c=True)  # its upper half
    for start in range(0, len(inverse), COLUMNS_AT_ONCE):
        some = slice(start, start + COLUMNS_AT_ONCE)
        inverse[some, :start] = inverse[:start, some].T
        inverse[some, some] = np.triu(inverse[some, some]) + np.triu(inverse[some, some], 1).T
    inverse /= -np.diag(inverse).copy()
    np.fill_diagonal(inverse, 0)
    weights: np.ndarray = inverse.astype(np.float32)
    return weights
