"""MLlib and the compiled kernel fit the same objective, so both engines serve the same model."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from reco_assets.models.als.mllib import on_matrices
from reco_assets.models.als.solver import AlsConfig, ExplicitAls, ImplicitAls, factorize
from resources.engine import Engine

pytestmark = pytest.mark.both_engines

EXPLICIT = ExplicitAls(rank=4, max_iter=25, reg_param=0.1, seed=3)
IMPLICIT = ImplicitAls(rank=4, max_iter=25, reg_param=0.1, seed=3, alpha=0.75)


@pytest.fixture
def session(engine: Engine) -> Any:
    if engine.name != "spark":
        pytest.skip("MLlib needs Apache Spark: RECO_ENGINE=spark; the embedded engine has its own kernel")
    return engine.session


def residuals(seed: int = 5, users: int = 80, items: int = 50) -> sp.csr_matrix:
    """A third of a noisy rank-3 matrix; the last user and the last item have no entries."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(users, 3)) @ rng.normal(size=(3, items)) / 2 + rng.normal(scale=0.3, size=(users, items))
    kept = rng.random((users, items)) < 1 / 3
    kept[-1], kept[:, -1] = False, False
    return sp.csr_matrix(np.where(kept, values, 0).astype(np.float32))


def likes() -> sp.csr_matrix:
    matrix = residuals()
    return sp.csr_matrix((matrix.toarray() > 0.3).astype(np.float32))


def objective(rows: sp.csr_matrix, users: np.ndarray, items: np.ndarray, config: AlsConfig) -> float:
    """What ALS minimises, written out over the dense matrix in float64."""
    stored = rows.toarray() != 0
    implicit = isinstance(config, ImplicitAls)
    target = stored * 1.0 if implicit else rows.toarray()
    weight = 1.0 + config.alpha * stored if implicit else stored * 1.0
    error = (weight * (target - users.astype(np.float64) @ items.T.astype(np.float64)) ** 2).sum()
    sizes = stored.sum(axis=1) @ (users**2).sum(axis=1) + stored.sum(axis=0) @ (items**2).sum(axis=1)
    return float(error + config.reg_param * sizes)


@pytest.mark.parametrize(
    ("rows", "config"), [(residuals(), EXPLICIT), (likes(), IMPLICIT)], ids=["explicit", "implicit"]
)
def test_both_solvers_reach_the_same_objective(session: Any, rows: sp.csr_matrix, config: AlsConfig) -> None:
    by_mllib = objective(rows, *on_matrices(session)(rows, config), config)
    by_own = objective(rows, *factorize(rows, config), config)
    print(f"{config}: MLlib {by_mllib:.3f}, own kernel {by_own:.3f}, apart {by_mllib / by_own - 1:+.3%}")
    assert by_mllib == pytest.approx(by_own, rel=0.02)


def test_rows_without_entries_are_zero_and_the_factors_keep_their_places(session: Any) -> None:
    rows = residuals()
    users, items = on_matrices(session)(rows, EXPLICIT)
    assert (users.shape, items.shape) == ((80, 4), (50, 4))
    assert (users.dtype, items.dtype) == (np.float32, np.float32)
    assert not users[-1].any()
    assert not items[-1].any()
    left = (rows - sp.csr_matrix((rows != 0).multiply(users @ items.T))).power(2).sum()
    assert left < 0.3 * rows.power(2).sum()


def test_without_any_like_the_factors_are_zero(session: Any) -> None:
    users, items = on_matrices(session)(sp.csr_matrix((3, 2), dtype=np.float32), IMPLICIT)
    assert users.tolist() == np.zeros((3, 4)).tolist()
    assert items.tolist() == np.zeros((2, 4)).tolist()
