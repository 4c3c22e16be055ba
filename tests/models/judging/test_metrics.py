"""Ranking and rating metrics: by hand on tiny cases, and against `ranx` on random ones."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models.interface import TopN
from reco_assets.models.judging.metrics import RankingMetrics, mae, ranking_metrics, rmse
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED

NAMES = ("ndcg", "precision", "recall", "map", "hit_rate")


@pytest.fixture(scope="module")
def ranx() -> Any:
    """ranx, interpreted: compiling it takes 40 s, these few lists take none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        import ranx

        return ranx


def lists_of(lists: dict[int, list[int]], n: int) -> TopN:
    padded = [movies + [MASKED] * (n - len(movies)) for movies in lists.values()]
    movies = np.array(padded, np.int32).reshape(len(lists), n)
    return TopN(np.array(list(lists), np.int32), movies, np.zeros(movies.shape, np.float32))


def stars_of(stars: dict[tuple[int, int], float]) -> Ratings:
    pairs = np.array(list(stars), np.int32).reshape(len(stars), 2)
    return Ratings(pairs[:, 0], pairs[:, 1], np.array(list(stars.values()), np.float32))


def judge(lists: dict[int, list[int]], stars: dict[tuple[int, int], float], k: int = 10) -> RankingMetrics:
    return ranking_metrics(lists_of(lists, k), stars_of(stars), k, 4.0)


def by_ranx(ranx: Any, lists: dict[int, list[int]], relevant: dict[int, set[int]], k: int) -> dict[str, float]:
    qrels = ranx.Qrels({str(user): {str(movie): 1 for movie in movies} for user, movies in relevant.items() if movies})
    run = ranx.Run(
        {
            str(user): {str(movie): float(-rank) for rank, movie in enumerate(lists[user])}
            for user in lists
            if lists[user]
        }
    )
    found: dict[str, float] = ranx.evaluate(qrels, run, [f"{name}@{k}" for name in NAMES], make_comparable=True)
    return {name: float(found[f"{name}@{k}"]) for name in NAMES}


@pytest.mark.spark_environment
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("k", [1, 3, 10])
def test_ranking_metrics_are_those_of_ranx(ranx: Any, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    catalogue = int(rng.integers(12, 40))
    users = rng.permutation(50)[: rng.integers(1, 20)].tolist()
    lists = {user: rng.permutation(catalogue)[: rng.integers(1, k + 1)].tolist() for user in users}
    relevant = {
        user: set(np.flatnonzero(rng.random(catalogue) < rng.choice([0.02, 0.3, 0.9])).tolist()) for user in users
    }
    relevant[users[0]].add(0)
    stars = {(user, movie): 5.0 if movie in relevant[user] else 1.0 for user in users for movie in range(catalogue)}
    found, expected = judge(lists, stars, k), by_ranx(ranx, lists, relevant, k)
    assert {name: getattr(found, name) for name in NAMES} == pytest.approx(expected, abs=1e-9)


def test_a_perfect_list_scores_one_everywhere() -> None:
    found = judge({1: [7, 8]}, {(1, 7): 5.0, (1, 8): 4.0, (1, 9): 1.0}, k=2)
    assert (found.ndcg, found.precision, found.recall, found.map, found.hit_rate) == (1, 1, 1, 1, 1)


def test_one_hit_at_the_second_rank_by_hand() -> None:
    found = judge({1: [6, 7, 5]}, {(1, 7): 5.0, (1, 8): 4.0}, k=3)
    assert found.ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1 / 2)
    assert found.map == pytest.approx((1 / 2) / 2)
    assert found.hit_rate == 1.0


def test_recall_is_reported_with_both_denominators() -> None:
    found = judge({1: [1, 2]}, {(1, movie): 5.0 for movie in range(1, 9)}, k=2)
    assert found.recall == pytest.approx(2 / 8)
    assert found.recall_capped == pytest.approx(2 / 2)


def test_a_movie_is_relevant_from_the_threshold_on() -> None:
    assert judge({1: [7]}, {(1, 7): 4.0}).hit_rate == 1.0
    assert judge({1: [7]}, {(1, 7): 3.5, (1, 8): 4.0}).hit_rate == 0.0


def test_a_user_without_a_list_counts_as_zero() -> None:
    found = judge({1: [7]}, {(1, 7): 5.0, (2, 7): 5.0})
    assert (found.users, found.hit_rate) == (2, 0.5)


def test_without_any_list_everyone_counts_as_zero() -> None:
    found = judge({}, {(1, 7): 5.0, (2, 7): 5.0})
    assert (found.users, found.ndcg, found.precision, found.hit_rate) == (2, 0.0, 0.0, 0.0)


def test_a_user_without_relevant_movies_is_skipped_and_counted() -> None:
    found = judge({1: [7], 2: [7]}, {(1, 7): 5.0, (2, 7): 1.0})
    assert (found.users, found.skipped_users, found.precision, found.hit_rate) == (1, 1, 0.1, 1.0)


def test_a_list_for_someone_who_was_not_tested_counts_for_nothing() -> None:
    assert judge({1: [7], 99: [7]}, {(1, 7): 5.0}) == judge({1: [7]}, {(1, 7): 5.0})


def test_a_list_that_ends_early_has_no_hits_where_it_is_empty() -> None:
    found = judge({1: [7]}, {(1, 7): 5.0, (1, 8): 5.0}, k=2)
    assert (found.precision, found.recall) == (0.5, 0.5)


def test_the_same_movie_of_another_user_is_no_hit() -> None:
    assert judge({1: [8], 2: [7]}, {(1, 7): 5.0, (2, 8): 5.0}).hit_rate == 0.0


def test_a_pair_rated_twice_is_one_relevant_movie() -> None:
    twice = Ratings(np.array([1, 1], np.int32), np.array([7, 7], np.int32), np.array([5, 4], np.float32))
    assert ranking_metrics(lists_of({1: [7]}, 10), twice, 10, 4.0).recall == 1.0


def test_only_the_first_k_of_a_longer_list_count() -> None:
    found = ranking_metrics(lists_of({1: [5, 6, 7]}, 3), stars_of({(1, 7): 5.0}), 2, 4.0)
    assert found.hit_rate == 0.0


def test_ids_up_to_the_largest_int32_are_told_apart() -> None:
    top = 2**31 - 1
    assert judge({top: [top]}, {(top, top): 5.0}).hit_rate == 1.0
    assert judge({top: [top - 1]}, {(top, top): 5.0}).hit_rate == 0.0


def test_without_test_ratings_there_is_nothing_to_say() -> None:
    found = judge({1: [7]}, {})
    assert (found.users, found.skipped_users) == (0, 0)
    assert math.isnan(found.ndcg)


@settings(max_examples=50, deadline=None)
@given(
    lists=st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 9), unique=True, max_size=5), max_size=6),
    stars=st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(0, 9)), st.integers(1, 10).map(lambda half: half / 2), min_size=1
    ),
)
def test_every_metric_is_a_share(lists: dict[int, list[int]], stars: dict[tuple[int, int], float]) -> None:
    found = judge(lists, stars, k=5)
    users = {user for user, _ in stars}
    assert found.users + found.skipped_users == len(users)
    if found.users:
        shares = [getattr(found, name) for name in (*NAMES, "recall_capped")]
        assert all(0 <= share <= 1 + 1e-12 for share in shares)
        assert found.recall <= found.recall_capped
        assert found.precision <= found.hit_rate


def test_rmse_and_mae_by_hand() -> None:
    predicted, actual = np.array([3, 4, 5], np.float32), np.array([3, 2, 4], np.float32)
    assert rmse(predicted, actual) == pytest.approx(math.sqrt(5 / 3))
    assert mae(predicted, actual) == pytest.approx(1.0)


def test_the_error_of_no_predictions_is_not_a_number() -> None:
    assert math.isnan(rmse(np.array([]), np.array([])))
    assert math.isnan(mae(np.array([]), np.array([])))
