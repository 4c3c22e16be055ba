"""A paired bootstrap over users: what it must say whatever the scores are, and what it says of known differences."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reco_assets.models.judging.comparison import Comparison, Difference, UserScores, draw

SAMPLES, SEED = 199, 7


def user_scores(users: int, seed: int, ndcg: float = 0.3, error: float = 0.8) -> UserScores:
    """Random scores of users 1..n around a mean NDCG and a mean squared error; every fourth has nothing relevant."""
    rng = np.random.default_rng(seed)
    pairs = np.random.default_rng(0).integers(1, 30, users)
    scores = np.clip(rng.normal(ndcg, 0.1, users), 0, 1)
    scores[np.arange(users) % 4 == 3] = np.nan
    return UserScores(np.arange(1, users + 1), scores, rng.gamma(4.0, error / 4, users) * pairs, pairs)


@dataclass(frozen=True)
class Compared:
    ndcg: Difference
    rmse: Difference


def compare(candidate: UserScores, rival: UserScores, samples: int = SAMPLES, seed: int = SEED) -> Comparison:
    return draw({"one": candidate, "other": rival}, samples, seed).compare("one", "other")


def compared(candidate: UserScores, rival: UserScores, samples: int = SAMPLES, seed: int = SEED) -> Compared:
    found = compare(candidate, rival, samples, seed)
    assert found.ndcg is not None
    assert found.rmse is not None
    return Compared(found.ndcg, found.rmse)


models = st.tuples(st.integers(2, 60), st.integers(0, 2**31), st.integers(0, 2**31))


@settings(max_examples=25, deadline=None)
@given(models)
def test_a_model_does_not_differ_from_itself(made: tuple[int, int, int]) -> None:
    users, seed, _ = made
    found = compared(user_scores(users, seed), user_scores(users, seed))
    for difference in (found.ndcg, found.rmse):
        assert difference.candidate == difference.rival
        assert (difference.low, difference.high) == (0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(models)
def test_swapping_the_models_mirrors_the_interval(made: tuple[int, int, int]) -> None:
    users, first, second = made
    one, other = user_scores(users, first), user_scores(users, second)
    there, back = compared(one, other), compared(other, one)
    for name in ("ndcg", "rmse"):
        forwards, backwards = getattr(there, name), getattr(back, name)
        assert (forwards.candidate, forwards.rival) == (backwards.rival, backwards.candidate)
        assert (forwards.low, forwards.high) == pytest.approx((-backwards.high, -backwards.low), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(models)
def test_the_order_of_users_does_not_matter(made: tuple[int, int, int]) -> None:
    users, first, second = made
    one, other = user_scores(users, first), user_scores(users, second)
    order = np.random.default_rng(first).permutation(users)
    shuffled = UserScores(*(values[order] for values in vars(one).values()))
    assert compared(shuffled, other) == compared(one, other)


@settings(max_examples=25, deadline=None)
@given(models)
def test_the_interval_has_its_ends_in_order_and_is_the_same_for_the_same_seed(made: tuple[int, int, int]) -> None:
    users, first, second = made
    one, other = user_scores(users, first), user_scores(users, second)
    found = compared(one, other)
    assert found.ndcg.low <= found.ndcg.high
    assert found.rmse.low <= found.rmse.high
    assert compared(one, other) == found


def test_another_seed_draws_other_users() -> None:
    one, other = user_scores(40, 1), user_scores(40, 2)
    assert compared(one, other, seed=1) != compared(one, other, seed=2)


def test_the_scores_are_the_mean_over_users_and_the_error_over_all_pairs() -> None:
    one, other = user_scores(40, 1), user_scores(40, 2)
    found = compared(one, other)
    assert found.ndcg.candidate == pytest.approx(np.nanmean(one.ndcg))
    assert found.ndcg.rival == pytest.approx(np.nanmean(other.ndcg))
    assert found.rmse.candidate == pytest.approx(np.sqrt(one.squared_error.sum() / one.pairs.sum()))
    assert (found.ndcg.users, found.rmse.users) == (30, 40)


def test_a_small_difference_of_every_user_is_found_where_users_differ_far_more() -> None:
    # Unpaired, a shift of 0.01 would drown: the standard error of either mean is 0.1 / sqrt(150).
    champion = user_scores(200, 1)
    found = compared(replace(champion, ndcg=champion.ndcg - 0.01), champion)
    assert found.ndcg.low == pytest.approx(-0.01)
    assert found.ndcg.high == pytest.approx(-0.01)


def test_the_interval_is_as_wide_as_theory_says() -> None:
    champion = user_scores(400, 1)
    gain = np.random.default_rng(3).normal(0.0, 0.2, 400)
    found = compared(replace(champion, ndcg=champion.ndcg + gain), champion, samples=4_000)
    judged = gain[~np.isnan(champion.ndcg)]
    expected = 2 * 1.96 * judged.std() / np.sqrt(len(judged))
    assert found.ndcg.high - found.ndcg.low == pytest.approx(expected, rel=0.06)


def test_the_interval_covers_no_difference_in_about_95_of_100_cases() -> None:
    covered = 0
    for seed in range(200):
        found = compared(user_scores(120, 2 * seed + 1), user_scores(120, 2 * seed + 2), seed=seed)
        covered += found.ndcg.low <= 0 <= found.ndcg.high
    assert 180 <= covered <= 198


def test_what_fewer_than_two_users_were_judged_on_is_not_compared() -> None:
    one = user_scores(3, 1)
    lonely = replace(one, ndcg=np.array([0.5, np.nan, np.nan]))
    assert compare(lonely, lonely).ndcg is None
    assert compare(lonely, lonely).rmse is not None
    nobody = UserScores(*(values[:0] for values in vars(one).values()))
    assert compare(nobody, nobody) == Comparison(None, None)


@settings(max_examples=25, deadline=None)
@given(models)
def test_a_third_model_changes_nothing_of_what_two_come_to(made: tuple[int, int, int]) -> None:
    users, first, second = made
    one, other = user_scores(users, first), user_scores(users, second)
    drawn = draw({"one": one, "third": user_scores(users, second + 1), "other": other}, SAMPLES, SEED)
    assert drawn.compare("one", "other") == compare(one, other)


def test_scores_on_other_test_ratings_are_refused() -> None:
    with pytest.raises(ValueError, match="same test ratings"):
        compare(user_scores(10, 1), user_scores(11, 1))


@given(models)
@settings(max_examples=10, deadline=None)
def test_the_document_holds_both_scores_and_the_interval_of_their_difference(made: tuple[int, int, int]) -> None:
    users, first, second = made
    assume(first != second)
    document = compare(user_scores(users, first), user_scores(users, second)).document("champion")
    for name in ("ndcg", "rmse"):
        found = document[name]
        assert set(found) == {"candidate", "champion", "difference", "low", "high", "users"}
        assert found["difference"] == found["candidate"] - found["champion"]
