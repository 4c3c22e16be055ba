"""A movie's vector as its features alone let expect it: ridge regression from features to vectors. Pure.

Hoerl & Kennard (1970), "Ridge Regression", eq. 2.1, with weighted rows and an intercept without a penalty. Each
column of the vectors has a penalty of its own, that with the least generalised cross-validation error: Golub,
Heath & Wahba (1979), eq. 1.4.
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

PENALTIES = 10.0 ** np.arange(-1, 6.1, 0.5)  # from next to none to one that leaves the mean alone


@dataclass(frozen=True)
class Prior:
    """What vectors are expected of features: mean (f,) of these, intercept (w,), coefficients (f, w)."""

    mean: np.ndarray
    intercept: np.ndarray
    coefficients: np.ndarray

    def vectors(self, features: np.ndarray) -> np.ndarray:
        """The vectors (n, w) float32 of movies with features (n, f)."""
        with threadpool_limits(1):
            found: np.ndarray = self.intercept + (features - self.mean) @ self.coefficients
        return found.astype(np.float32)


def fit_prior(features: np.ndarray, vectors: np.ndarray, weights: np.ndarray) -> Prior:
    """Learn from n movies: features (n, f), vectors (n, w), how much each movie counts (n,). Same bits on any cores."""
    share = weights / weights.sum()
    x, y = features.astype(np.float64), vectors.astype(np.float64)
    mean, intercept = share @ x, share @ y
    root = np.sqrt(share * len(x))[:, None]
    x, y = root * (x - mean), root * (y - intercept)
    with threadpool_limits(1):
        values, directions = np.linalg.eigh(x.T @ x)
        values = np.maximum(values, 0.0)
        along = directions.T @ (x.T @ y)
        penalties = _penalties(values, along, (y * y).sum(axis=0), len(x))
        coefficients = directions @ (along / (values[:, None] + penalties))
    return Prior(mean, intercept, coefficients)


def _penalties(values: np.ndarray, along: np.ndarray, total: np.ndarray, rows: int) -> np.ndarray:
    """The best penalty of each of w columns, (w,).

    `values` (f,) are the eigenvalues, `along` (f, w) the vectors' products with the directions, `total` (w,) the
    vectors' sums of squares.
    """
    errors = []
    for penalty in PENALTIES:
        shrunk = values + penalty
        explained = (along**2 * ((values + 2 * penalty) / shrunk**2)[:, None]).sum(axis=0)
        left = max(rows - 1 - (values / shrunk).sum(), 1e-9)  # degrees of freedom, one of which is the intercept's
        errors.append(np.maximum(total - explained, 0) / left**2)
    best: np.ndarray = PENALTIES[np.argmin(errors, axis=0)]
    return best
