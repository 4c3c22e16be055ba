"""Biases and residuals on tables small enough to compute by hand."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models import biases as rating
from reco_assets.models.biases import Penalties, clip, fit_biases, residuals


def matrix(*rows: list[float]) -> sp.csr_matrix:
    return sp.csr_matrix(np.array(rows, np.float32))


def test_one_sweep_of_biases_is_what_the_formula_gives_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rating, "BIAS_SWEEPS", 1)
    biases = fit_biases(matrix([5, 3], [4, 0]), Penalties(user=2.0, item=1.0))
    # mean 4; item 0: (1 + 0) / (2 + 1) = 1/3, item 1: -1 / (1 + 1) = -1/2
    # user 0: ((1 - 1/3) + (-1 + 1/2)) / (2 + 2) = 1/24, user 1: (0 - 1/3) / (1 + 2) = -1/9
    assert biases.mean == 4.0
    np.testing.assert_allclose(biases.item, [1 / 3, -1 / 2], rtol=1e-6)
    np.testing.assert_allclose(biases.user, [1 / 24, -1 / 9], rtol=1e-6)


def test_biases_of_equal_stars_are_zero() -> None:
    biases = fit_biases(matrix([3, 3], [3, 3]))
    assert biases.mean == 3.0
    assert not biases.user.any()
    assert not biases.item.any()


def test_a_single_rating_is_believed_less_than_many_alike() -> None:
    few, many = np.zeros((40, 3), np.float32), np.zeros((40, 3), np.float32)
    few[:, 2] = many[:, 2] = 3
    few[0, 0] = 5
    many[:30, 0] = 5
    assert 0 < fit_biases(sp.csr_matrix(few)).item[0] < fit_biases(sp.csr_matrix(many)).item[0]


def test_a_row_or_column_without_entries_has_no_bias() -> None:
    biases = fit_biases(matrix([5, 0, 1], [0, 0, 0]))
    assert biases.user[1] == 0
    assert biases.item[1] == 0


def test_the_sweeps_have_nearly_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    stars = np.where(rng.random((60, 40)) < 0.3, rng.integers(1, 11, (60, 40)) / 2, 0).astype(np.float32)
    found = fit_biases(sp.csr_matrix(stars))
    monkeypatch.setattr(rating, "BIAS_SWEEPS", 200)
    converged = fit_biases(sp.csr_matrix(stars))
    np.testing.assert_allclose(found.user, converged.user, atol=0.01)
    np.testing.assert_allclose(found.item, converged.item, atol=0.01)


def test_residuals_and_biases_add_up_to_the_stars() -> None:
    stars = matrix([5, 0, 3], [1, 4, 0])
    biases = fit_biases(stars)
    left = residuals(stars, biases)
    assert left.dtype == np.float32
    rebuilt = left.toarray() + biases.mean + biases.user[:, None] + biases.item[None, :]
    np.testing.assert_allclose(rebuilt[stars.toarray() > 0], stars.data, rtol=1e-6)
    np.testing.assert_array_equal(left.indices, stars.indices)
    np.testing.assert_array_equal(left.indptr, stars.indptr)


def test_a_residual_of_zero_stays_an_entry() -> None:
    stars = matrix([3, 3], [3, 0])
    assert residuals(stars, fit_biases(stars)).nnz == 3


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_clipped_stars_are_on_the_scale(stars: list[float]) -> None:
    clipped = clip(np.array(stars))
    assert ((clipped >= 0.5) & (clipped <= 5.0)).all()
