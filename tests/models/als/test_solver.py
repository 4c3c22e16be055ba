"""The exact solver gives the closed-form ridge solution of each row; a factorisation minimises its objective."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models.als import kernel
from reco_assets.models.als import solver as als
from reco_assets.models.als.solver import AlsConfig, ExplicitAls, ImplicitAls, factorize, solve_rows


def random_problem(seed: int, rows: int, columns: int, rank: int, density: float) -> tuple[sp.csr_matrix, np.ndarray]:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((rows, columns)) < density, rng.normal(size=(rows, columns)), 0)
    return sp.csr_matrix(dense.astype(np.float32)), rng.normal(size=(columns, rank)).astype(np.float32)


def config(rank: int, alpha: float = 0.0, **changes: float) -> AlsConfig:
    values: dict[str, Any] = {"rank": rank, "max_iter": 5, "reg_param": 0.1, "seed": 1, **changes}
    return ImplicitAls(**values, alpha=alpha) if alpha else ExplicitAls(**values)


def ridge_of_each_row(rows: sp.csr_matrix, factors: np.ndarray, reg_param: float, alpha: float) -> np.ndarray:
    """The textbook, one row and one entry at a time, in float64."""
    y = factors.astype(np.float64)
    rank = y.shape[1]
    solved = np.zeros((rows.shape[0], rank))
    for u in range(rows.shape[0]):
        entries = range(rows.indptr[u], rows.indptr[u + 1])
        if not entries:
            continue
        normal = y.T @ y if alpha else np.zeros((rank, rank))
        right = np.zeros(rank)
        for e in entries:
            vector = y[rows.indices[e]]
            normal += (alpha or 1.0) * np.outer(vector, vector)
            right += (1.0 + alpha if alpha else float(rows.data[e])) * vector
        solved[u] = np.linalg.solve(normal + reg_param * len(entries) * np.eye(rank), right)
    return solved


def objective(rows: sp.csr_matrix, users: np.ndarray, items: np.ndarray, reg_param: float) -> float:
    entries = rows.tocoo()
    error = entries.data - np.einsum("ij,ij->i", users[entries.row], items[entries.col])
    user_count, item_count = np.diff(rows.indptr), np.diff(rows.tocsc().indptr)
    penalty = (user_count * (users**2).sum(axis=1)).sum() + (item_count * (items**2).sum(axis=1)).sum()
    return float((error**2).sum() + reg_param * penalty)


@pytest.mark.parametrize("alpha", [0.0, 0.75, 40.0])
@pytest.mark.parametrize("rank", [3, 60], ids=["more_entries_than_factors", "more_factors_than_entries"])
def test_a_row_is_solved_as_the_textbook_solves_it(rank: int, alpha: float) -> None:
    rows, factors = random_problem(7, 30, 40, rank, 0.4)
    found = solve_rows(rows, factors, config(rank, alpha))
    np.testing.assert_allclose(found, ridge_of_each_row(rows, factors, 0.1, alpha), rtol=2e-3, atol=2e-4)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    rank=st.integers(1, 8),
    alpha=st.sampled_from([0.0, 0.5, 5.0]),
    reg_param=st.floats(0.05, 2),
)
def test_rows_of_any_sparse_matrix_are_solved_as_the_textbook_solves_them(
    seed: int, shape: tuple[int, int], rank: int, alpha: float, reg_param: float
) -> None:
    rows, factors = random_problem(seed, *shape, rank, density=seed % 11 / 10)
    found = solve_rows(rows, factors, config(rank, alpha, reg_param=reg_param))
    np.testing.assert_allclose(found, ridge_of_each_row(rows, factors, reg_param, alpha), rtol=5e-3, atol=5e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), alpha=st.sampled_from([0.0, 0.75]))
def test_the_order_of_the_rows_does_not_matter(seed: int, alpha: float) -> None:
    rows, factors = random_problem(seed, 20, 15, 4, 0.4)
    order = np.random.default_rng(seed).permutation(20)
    shuffled = solve_rows(rows[order], factors, config(4, alpha))
    np.testing.assert_allclose(shuffled, solve_rows(rows, factors, config(4, alpha))[order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_a_row_without_entries_stays_zero(alpha: float) -> None:
    rows = sp.csr_matrix(np.array([[0, 0, 0], [1, 0, 2], [0, 0, 0]], np.float32))
    found = solve_rows(rows, np.ones((3, 2), np.float32), config(2, alpha))
    assert not found[[0, 2]].any()
    assert found[1].all()


@pytest.mark.parametrize("alpha", [0.0, 0.75])
@pytest.mark.parametrize("batch_floats", [1, 100, 10**9])
def test_how_rows_are_batched_and_padded_does_not_change_the_solution(
    monkeypatch: pytest.MonkeyPatch, batch_floats: int, alpha: float
) -> None:
    rows, factors = random_problem(3, 50, 60, 5, 0.3)
    expected = solve_rows(rows, factors, config(5, alpha))
    monkeypatch.setattr(als, "BATCH_FLOATS", batch_floats)
    monkeypatch.setattr(als, "PADDING", 3.0)
    np.testing.assert_allclose(solve_rows(rows, factors, config(5, alpha)), expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(0, 300), max_size=60), rank=st.integers(1, 64))
def test_every_row_with_entries_is_in_exactly_one_batch(lengths: list[int], rank: int) -> None:
    batched = [row for batch in als._batches(np.array(lengths, np.int64), rank) for row in batch]
    assert sorted(batched) == [row for row, length in enumerate(lengths) if length]


def test_more_iterations_never_raise_the_objective() -> None:
    rows, _ = random_problem(11, 40, 30, 4, 0.3)
    reached = [objective(rows, *factorize(rows, config(4, max_iter=steps)), 0.1) for steps in (1, 2, 4, 8, 16)]
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in pairwise(reached))


def test_the_same_seed_gives_the_same_factors_and_another_seed_others() -> None:
    rows, _ = random_problem(2, 20, 20, 4, 0.4)
    first, again, other = (factorize(rows, config(4, seed=seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_factors_are_float32_of_users_by_rank_and_items_by_rank() -> None:
    rows, _ = random_problem(2, 7, 9, 3, 0.5)
    users, items = factorize(rows, config(3))
    assert (users.shape, items.shape) == ((7, 3), (9, 3))
    assert (users.dtype, items.dtype) == (np.float32, np.float32)


def test_a_low_rank_matrix_is_recovered() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 30))
    rows = sp.csr_matrix(truth.astype(np.float32))
    users, items = factorize(rows, config(2, max_iter=30, reg_param=1e-4))
    assert np.abs(users @ items.T - truth).max() < 0.05


def test_implicit_factors_score_liked_items_above_the_others() -> None:
    liked = np.kron(np.eye(2), np.ones((5, 4))).astype(np.float32)
    users, items = factorize(sp.csr_matrix(liked), config(2, alpha=10.0))
    scores = users @ items.T
    assert scores[liked > 0].min() > scores[liked == 0].max()


@pytest.mark.parametrize("asked", [config(8, 40.0, reg_param=1e-12), config(8, 1e6), config(8, reg_param=1e-12)])
@pytest.mark.parametrize("shape", [(30, 1), (1, 30)])
def test_factors_that_the_data_leave_open_stay_small_however_small_the_penalty(
    shape: tuple[int, int], asked: AlsConfig
) -> None:
    users, items = factorize(sp.csr_matrix(np.ones(shape, np.float32)), asked)
    np.testing.assert_allclose(users @ items.T, 1, atol=0.1)
    assert max(abs(users).max(), abs(items).max()) < 10


def test_without_any_like_the_factors_are_zero() -> None:
    users, items = factorize(sp.csr_matrix((3, 2), dtype=np.float32), config(4, alpha=0.75))
    assert not users.any()
    assert not items.any()


@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_the_number_of_threads_does_not_change_the_factors(monkeypatch: pytest.MonkeyPatch, alpha: float) -> None:
    monkeypatch.setattr(kernel, "CHUNK", 10)
    rows, _ = random_problem(5, 200, 60, 5, 0.3)
    many = factorize(rows, config(5, alpha))
    monkeypatch.setattr(als, "usable_cores", lambda: 1)
    for one, of_many in zip(factorize(rows, config(5, alpha)), many, strict=True):
        np.testing.assert_array_equal(one, of_many)


def test_the_value_of_an_implicit_entry_does_not_matter() -> None:
    rows, _ = random_problem(4, 10, 10, 3, 0.5)
    ones = sp.csr_matrix((np.ones_like(rows.data), rows.indices, rows.indptr), rows.shape)
    np.testing.assert_array_equal(factorize(rows, config(3, 0.75))[0], factorize(ones, config(3, 0.75))[0])
