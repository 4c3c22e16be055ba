"""Alternating least squares, for explicit residuals and for implicit feedback. Pure.

For every row u with entries S_u, the other side's factors Y fixed, the ridge problem is that of

    Hu, Koren, Volinsky (2008), "Collaborative Filtering for Implicit Feedback Datasets", eq. 4, with
    Zhou et al. (2008), "Large-Scale Parallel Collaborative Filtering for the Netflix Prize": lambda * |S_u|

    (G + Y_u' diag(w) Y_u + lambda |S_u| I) x_u = Y_u' b

with G = 0, w = 1, b = r for explicit data and G = Y'Y, w = alpha, b = 1 + alpha for implicit. This is the
objective of MLlib's ALS, so both engines fit the same model. Fitting comes near to each solution by conjugate gradients
(`kernel`); who is folded in is solved exactly, rows of like length together.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from resources.cores import usable_cores

BATCH_FLOATS = 2_000_000  # 8 MB of gathered factors a batch: fits in cache, amortises the call
PADDING = 1.2


@dataclass(frozen=True)
class ExplicitAls:
    """Hyperparameters of one factorisation of values, such as stars."""

    rank: int
    max_iter: int
    reg_param: float
    seed: int


@dataclass(frozen=True)
class ImplicitAls:
    """Hyperparameters of one factorisation of likes; `alpha` is the confidence that a like adds."""

    rank: int
    max_iter: int
    reg_param: float
    seed: int
    alpha: float


AlsConfig = ExplicitAls | ImplicitAls


def factorize(
    ratings: sp.csr_matrix, config: AlsConfig, start: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Factorise (users, items) into user_factors (users, rank) and item_factors (items, rank), float32.

    Implicit data count every stored entry as one like, whatever its value. The number of cores changes nothing.
    `start`: the factors of a like problem to go on from, in place of random ones.
    """
    from reco_assets.models.als.kernel import Penalty, improve, make_ready

    rng = np.random.default_rng(config.seed)
    items = rng.standard_normal((ratings.shape[1], config.rank), dtype=np.float32) / np.float32(np.sqrt(config.rank))
    penalty = Penalty(1.0, config.reg_param, implicit=False)
    if isinstance(config, ImplicitAls):
        items = np.abs(items)  # likes are positive; a start in one orthant converges in fewer steps
        penalty = Penalty(config.alpha, config.reg_param, implicit=True)
        targets = np.full(ratings.nnz, 1.0 + config.alpha, np.float32)
        ratings = sp.csr_matrix((targets, ratings.indices, ratings.indptr), ratings.shape)
    by_item = ratings.T.tocsr()
    users = np.zeros((ratings.shape[0], config.rank), np.float32)
    if start:
        users, items = start[0].copy(), start[1].copy()
    for rows in (ratings, by_item):
        make_ready(rows)
    with threadpool_limits(1), ThreadPoolExecutor(usable_cores()) as pool:
        for _ in range(config.max_iter):
            improve(users, ratings, items, penalty, pool)
            improve(items, by_item, users, penalty, pool)
    return users, items


def solve_rows(rows: sp.csr_matrix, factors: np.ndarray, config: AlsConfig) -> np.ndarray:
    """The exact ridge solution of every row against fixed factors (columns, rank): (rows, rank).

    Rows without entries get zeros.
    """
    solved = np.zeros((rows.shape[0], factors.shape[1]), np.float32)
    gram = (factors.T @ factors) if isinstance(config, ImplicitAls) else None
    for batch in _batches(np.diff(rows.indptr), factors.shape[1]):
        solved[batch] = _solve_batch(rows, batch, factors, gram, config)
    return solved


def contributions(
    factors: np.ndarray, together: np.ndarray, liked: np.ndarray, items: np.ndarray, config: ImplicitAls
) -> np.ndarray:
    """What each liked item adds to the scores of some items, for the users that these likes make: Hu et al., eq. 7.

    Each user's matrix is solved once, for all of the user's items.

    Args:
        factors: Item factors of implicit data, (items, rank).
        together: Their Gram matrix, as of `gram`.
        liked: Positions of the items that each user likes, (users, n); -1 where a user has fewer.
        items: Positions of the items that are scored for each user, (users, m); what is found at -1 is no score.
        config: What the factors were solved with.

    Returns:
        (users, n, m) float64, 0 at -1; the sum over n is the product of an item's factors and of those that
        `solve_rows` finds for the user.
    """
    own = factors[liked].astype(np.float64)
    own[liked < 0] = 0
    normal = together + config.alpha * (own.transpose(0, 2, 1) @ own)
    rank = np.arange(factors.shape[1])
    normal[:, rank, rank] += config.reg_param * (liked >= 0).sum(axis=1)[:, None]
    scored = factors[items].astype(np.float64).transpose(0, 2, 1)
    added: np.ndarray = (1.0 + config.alpha) * (own @ np.linalg.solve(normal, scored))
    return added


def gram(factors: np.ndarray) -> np.ndarray:
    """Y'Y of factors (rows, rank) in double precision: (rank, rank)."""
    exact = factors.astype(np.float64)
    product: np.ndarray = exact.T @ exact
    return product


def batches_of_rows(rows: sp.csr_matrix, floats: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (b,) in groups of nearly equal length, and the columns of their entries, (b, longest), then -1.

    Rows without entries are left out; `floats` is how many numbers an entry takes, of which a group is kept small.
    """
    for batch in _batches(np.diff(rows.indptr), floats):
        lengths = np.diff(rows.indptr)[batch]
        places = np.arange(lengths.max())
        entries = np.full((len(batch), len(places)), -1, np.int64)
        filled = places < lengths[:, None]
        entries[filled] = rows.indices[(rows.indptr[batch][:, None] + places)[filled]]
        yield batch, entries


def _batches(lengths: np.ndarray, rank: int) -> Iterator[np.ndarray]:
    """Row numbers in groups of nearly equal length, so that padding to the longest wastes at most a fifth."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    ordered = lengths[order]
    start = 0
    while start < len(order):
        stop = int(np.searchsorted(ordered, int(ordered[start] * PADDING) + 1, side="right"))
        width = int(ordered[stop - 1])
        room = max(1, BATCH_FLOATS // max(width * rank, rank * rank))
        yield order[start : min(stop, start + room)]
        start = min(stop, start + room)


def _solve_batch(
    rows: sp.csr_matrix, batch: np.ndarray, factors: np.ndarray, gram: np.ndarray | None, config: AlsConfig
) -> np.ndarray:
    rank = factors.shape[1]
    lengths = np.diff(rows.indptr)[batch]
    width = int(lengths.max())
    filled = np.arange(width) < lengths[:, None]
    positions = np.where(filled, rows.indptr[batch][:, None] + np.arange(width), 0)
    gathered = factors[rows.indices[positions]]
    gathered[~filled] = 0.0
    penalty = (config.reg_param * lengths).astype(np.float32)[:, None]
    if gram is None or isinstance(config, ExplicitAls):
        targets = np.where(filled, rows.data[positions], 0.0).astype(np.float32)
        if width < rank:
            # The dual problem is width x width: most movies have fewer ratings than the model has factors.
            kernel = gathered @ gathered.transpose(0, 2, 1)
            kernel[:, np.arange(width), np.arange(width)] += penalty
            weights = np.linalg.solve(kernel, targets[..., None])
            return (gathered.transpose(0, 2, 1) @ weights)[..., 0]
        normal = gathered.transpose(0, 2, 1) @ gathered
        right = (targets[:, None, :] @ gathered)[:, 0, :]
    else:
        normal = config.alpha * (gathered.transpose(0, 2, 1) @ gathered) + gram
        right = (1.0 + config.alpha) * gathered.sum(axis=1)
    normal[:, np.arange(rank), np.arange(rank)] += penalty
    return np.linalg.solve(normal, right[..., None])[..., 0]
