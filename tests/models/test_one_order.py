"""A walk down one order gives each user what sorting by these scores would, without what the user has seen."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models import one_order as module
from reco_assets.models.one_order import first_unseen, lists_in_order
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(0, 5),
    scores=st.lists(st.integers(0, 4), min_size=1, max_size=20),
    n=st.integers(1, 25),
    hidden=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_a_list_holds_the_best_that_the_user_has_not_seen_of_equal_ones_the_later_first(
    seed: int, users: int, scores: list[int], n: int, hidden: float
) -> None:
    seen = np.random.default_rng(seed).random((users, len(scores))) < hidden
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "USERS_PER_BLOCK", 3)
        found = first_unseen(np.array(scores, np.float32), n, sp.csr_matrix(seen.astype(np.float32)))
    best_first = sorted(range(len(scores)), key=lambda item: (scores[item], item), reverse=True)
    expected = [[item for item in best_first if not own[item]][:n] for own in seen]
    assert found.shape == (users, n)
    assert [[item for item in row if item != MASKED] for row in found.tolist()] == expected


def test_movies_of_others_and_of_strangers_to_the_list_hide_nothing() -> None:
    seen = Ratings(np.array([1, 2, 1], np.int32), np.array([30, 20, 99], np.int32), np.ones(3, np.float32))
    movies, scores = np.array([10, 20, 30], np.int32), np.array([0.25, 0.5, 0.75], np.float32)
    lists = lists_in_order(np.array([2, 7, 1, 2], np.int32), movies, scores, 2, seen)
    assert lists.movie_id.tolist() == [[30, 10], [30, 20], [20, 10], [30, 10]]
    assert lists.score.tolist() == [[0.75, 0.25], [0.75, 0.5], [0.5, 0.25], [0.75, 0.25]]
    assert (lists.movie_id.dtype, lists.score.dtype) == (np.int32, np.float32)


def test_one_user_alone_gets_the_list_that_is_the_users_among_others() -> None:
    seen = Ratings(np.array([1, 2], np.int32), np.array([30, 20], np.int32), np.ones(2, np.float32))
    movies, scores = np.array([10, 20, 30, 40], np.int32), np.array([0.25, 0.5, 0.25, 0.25], np.float32)
    together = lists_in_order(np.array([1, 2], np.int32), movies, scores, 2, seen)
    alone = [lists_in_order(np.array([user], np.int32), movies, scores, 2, seen) for user in (1, 2)]
    assert [lists.movie_id[0].tolist() for lists in alone] == together.movie_id.tolist() == [[20, 40], [40, 30]]
