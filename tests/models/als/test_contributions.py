"""What each liked movie adds to a score, held against what `implicit` says."""

import numpy as np
import pytest
import scipy.sparse as sp

from reco_assets.models.als import solver as als
from reco_assets.models.als.solver import ImplicitAls

ITEMS = [[0.9, 0.1, 0.3], [0.8, -0.2, 0.1], [0.1, 0.7, -0.3], [-0.2, 0.9, 0.4], [0.5, 0.5, 0.2]]
FACTORS = np.array(ITEMS, np.float32)
LIKED, SCORED = [0, 2, 3], [1, 4]
CONFIG = ImplicitAls(rank=3, max_iter=1, reg_param=0.1, seed=1, alpha=0.75)
# implicit 0.7.3: `AlternatingLeastSquares(factors=3, regularization=0.1 * 3, alpha=1.0)` with these item_factors;
# `explain(0, likes, item)`, where each like is 1.75 = 1 + alpha. Its penalty isn't multiplied by the number of likes.
IMPLICIT_SAYS = {1: [0.45459674, -0.03305556, -0.22778930], 4: [0.33077722, 0.19680458, 0.23703309]}


def contributions(liked: list[list[int]], items: list[list[int]]) -> np.ndarray:
    return als.contributions(FACTORS, als.gram(FACTORS), np.array(liked), np.array(items), CONFIG)


def test_each_like_adds_what_implicit_says() -> None:
    added = contributions([LIKED], [SCORED])[0]
    np.testing.assert_allclose(added.T, [IMPLICIT_SAYS[item] for item in SCORED], atol=1e-6)


def test_what_they_add_is_the_score_of_the_user_whom_these_likes_make() -> None:
    likes = sp.csr_matrix((np.ones(3, np.float32), ([0] * 3, LIKED)), (1, len(ITEMS)))
    user = als.solve_rows(likes, FACTORS, CONFIG)[0]
    assert contributions([LIKED], [SCORED])[0].sum(axis=0) == pytest.approx(FACTORS[SCORED] @ user, rel=1e-5)


def test_users_with_fewer_likes_are_told_beside_others_what_they_are_told_alone() -> None:
    together = contributions([[0, 2, 3], [4, -1, -1]], [[1, 4], [2, 0]])
    np.testing.assert_allclose(together[1, :1], contributions([[4]], [[2, 0]])[0], rtol=1e-12)
    assert (together[1, 1:] == 0).all()


def test_rows_of_nearly_one_length_come_together_and_those_without_entries_not_at_all() -> None:
    rows = sp.csr_matrix(np.array([[1, 0, 1, 0, 0], [0] * 5, [0, 1, 0, 0, 0], [1] * 5]))
    batches = [(numbers.tolist(), entries.tolist()) for numbers, entries in als.batches_of_rows(rows, 4)]
    assert batches == [([2, 0], [[1, -1], [0, 2]]), ([3], [[0, 1, 2, 3, 4]])]
