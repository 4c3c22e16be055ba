"""Conjugate gradients come as near to the exact solution of every row as they are asked to."""

import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from reco_assets.models.als import kernel
from reco_assets.models.als.kernel import Penalty, improve
from reco_assets.models.als.solver import AlsConfig, ExplicitAls, ImplicitAls, solve_rows

ALPHA, REG_PARAM = 0.75, 0.1


def random_problem(seed: int, shape: tuple[int, int], rank: int) -> tuple[sp.csr_matrix, np.ndarray]:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random(shape) < 0.4, rng.normal(size=shape), 0)
    return sp.csr_matrix(dense.astype(np.float32)), rng.normal(size=(shape[1], rank)).astype(np.float32)


def improved(rows: sp.csr_matrix, factors: np.ndarray, implicit: bool, start: np.ndarray, times: int) -> np.ndarray:
    solved, targets = start.copy(), rows.copy()
    if implicit:
        targets.data[:] = 1 + ALPHA
    with ThreadPoolExecutor(2) as pool:
        for _ in range(times):
            improve(solved, targets, factors, Penalty(ALPHA if implicit else 1.0, REG_PARAM, implicit), pool)
    return solved


def exact(rows: sp.csr_matrix, factors: np.ndarray, implicit: bool) -> np.ndarray:
    shared = (factors.shape[1], 1, REG_PARAM, 1)
    asked: AlsConfig = ImplicitAls(*shared, alpha=ALPHA) if implicit else ExplicitAls(*shared)
    return solve_rows(rows, factors, asked)


def textbook(row: np.ndarray, factors: np.ndarray, implicit: bool, start: np.ndarray) -> np.ndarray:
    """Conjugate gradients on one row's dense normal matrix, in float64."""
    there, y = row != 0, factors.astype(np.float64)
    own, weight = y[there], ALPHA if implicit else 1.0
    normal = weight * own.T @ own + REG_PARAM * there.sum() * np.eye(y.shape[1]) + (y.T @ y if implicit else 0.0)
    solution = start.astype(np.float64)
    right = own.T @ ((1 + ALPHA) * np.ones(len(own)) if implicit else row[there])
    residual = right - normal @ solution
    direction = residual
    for _ in range(kernel.STEPS):
        if residual @ residual <= kernel.ROUNDING * (right @ right):  # it is solved, and a step might divide 0 by 0
            break
        length = residual @ residual / (direction @ normal @ direction)
        solution = solution + length * direction
        after = residual - length * normal @ direction
        direction = after + after @ after / (residual @ residual) * direction
        residual = after
    return solution


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    rank=st.integers(4, 21),
    implicit=st.booleans(),
)
def test_an_improvement_is_three_steps_of_the_textbook(
    seed: int, shape: tuple[int, int], rank: int, implicit: bool
) -> None:
    rows, factors = random_problem(seed, shape, rank)
    start = np.random.default_rng(seed).normal(size=(shape[0], rank)).astype(np.float32)
    found = improved(rows, factors, implicit, start, times=1)
    for one, row in enumerate(rows.toarray()):
        if row.any():
            expected = textbook(row, factors, implicit, start[one])
            np.testing.assert_allclose(found[one], expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("implicit", [False, True])
def test_with_no_more_factors_than_steps_a_row_is_solved_at_once(implicit: bool) -> None:
    rows, factors = random_problem(2, (30, 20), kernel.STEPS)
    found = improved(rows, factors, implicit, np.zeros((30, kernel.STEPS), np.float32), times=1)
    np.testing.assert_allclose(found, exact(rows, factors, implicit), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("implicit", [False, True])
def test_each_improvement_comes_nearer_to_the_solution(implicit: bool) -> None:
    rows, factors = random_problem(1, (30, 40), 20)
    solution, found, before = exact(rows, factors, implicit), np.zeros((30, 20), np.float32), np.inf
    for _ in range(4):
        found = improved(rows, factors, implicit, found, times=1)
        error = np.linalg.norm(found - solution)
        assert error < before
        before = error


@pytest.mark.parametrize("implicit", [False, True])
def test_a_row_without_entries_becomes_zero_wherever_it_started(implicit: bool) -> None:
    rows = sp.csr_matrix(np.array([[0, 0, 0], [1, 0, 2], [0, 0, 0]], np.float32))
    found = improved(rows, np.ones((3, 2), np.float32), implicit, np.ones((3, 2), np.float32), times=1)
    assert not found[[0, 2]].any()
    assert found[1].all()


@pytest.mark.parametrize("chunk", [1, 7, 10**9])
def test_how_rows_are_shared_out_does_not_change_a_bit(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    rows, factors = random_problem(3, (50, 60), 5)
    start = np.zeros((50, 5), np.float32)
    expected = improved(rows, factors, True, start, times=2)
    monkeypatch.setattr(kernel, "CHUNK", chunk)
    np.testing.assert_array_equal(improved(rows, factors, True, start, times=2), expected)


FIT = """
import hashlib
from concurrent.futures import ThreadPoolExecutor
import copied, numpy, scipy.sparse
rng = numpy.random.default_rng(0)
solved, factors = numpy.zeros((60, 50), "f4"), rng.normal(size=(40, 50)).astype("f4")
rows = scipy.sparse.csr_matrix(numpy.where(rng.random((60, 40)) < 0.4, rng.normal(size=(60, 40)), 0).astype("f4"))
copied.make_ready(rows)
copied.improve(solved, rows, factors, copied.Penalty(0.75, 0.1, True), ThreadPoolExecutor(1))
print(hashlib.sha256(solved).hexdigest())
"""


@pytest.fixture(scope="module")
def fitted_twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The user's home, and the factors that two processes made whose package folder nobody can write to."""
    folder = tmp_path_factory.mktemp("read_only")
    shutil.copy(str(kernel.__file__), folder / "copied.py")
    (folder / "__pycache__").touch()  # a file: also root can make no folder there
    return folder, [fitted_with_cache_in(folder) for _ in range(2)]


def fitted_with_cache_in(folder: Path) -> str:
    environment = {"PYTHONPATH": str(folder), "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-c", FIT]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout


def test_where_the_package_folder_cannot_be_written_to_the_code_is_kept_in_the_users_cache(
    fitted_twice: tuple[Path, list[str]],
) -> None:
    folder, _ = fitted_twice
    assert len(list(folder.rglob("copied._solve-*.nbc"))) == 1


def test_code_that_was_kept_makes_the_same_bits_as_code_that_was_just_compiled(
    fitted_twice: tuple[Path, list[str]],
) -> None:
    _, (compiled, kept) = fitted_twice
    assert compiled == kept


def test_code_that_was_written_by_half_is_compiled_anew(fitted_twice: tuple[Path, list[str]]) -> None:
    folder, (compiled, _) = fitted_twice
    [index] = folder.rglob("copied._solve-*.nbi")
    index.write_bytes(b"")
    assert fitted_with_cache_in(folder) == compiled
    assert index.stat().st_size


def test_code_is_compiled_also_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("__pycache__", "cache"):
        (tmp_path / name).touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    (tmp_path / "written.py").write_text("def more(x):\n    return x + 1\n")
    more = runpy.run_path(str(tmp_path / "written.py"))["more"]
    with pytest.raises(RuntimeError, match="no locator available"):
        njit(cache=True)(more)
    assert kernel.compiled(more)(1) == 2
