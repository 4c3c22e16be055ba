"""Leave-latest-one-out with sampled negatives: who is held out, among whom it is ranked, what a rank is worth."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models.judging.sampled import (
    NO_MOVIE,
    Interactions,
    SampledLists,
    SampledProtocol,
    judge_lists,
    leave_latest_out,
    sample_lists,
    sampled_metrics,
)
from reco_assets.models.ratings import Ratings

Row = tuple[int, int, float, int]
PROTOCOL = SampledProtocol(seed=7)
ROWS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 8), st.sampled_from([1.0, 3.5, 4.0, 5.0]), st.integers(0, 5)),
    max_size=60,
)


def interactions(*rows: Row) -> Interactions:
    """Rows of (user, movie, stars, moment)."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    user, movie = (np.array(column, np.int32) for column in columns[:2])
    return Interactions(Ratings(user, movie, np.array(columns[2], np.float32)), np.array(columns[3], np.int64))


def pairs(ratings: Ratings) -> list[tuple[int, int]]:
    return list(zip(ratings.user_id.tolist(), ratings.movie_id.tolist(), strict=True))


class TestLeaveLatestOut:
    def test_the_latest_rating_of_four_stars_or_more_is_held_out(self) -> None:
        split = leave_latest_out(interactions((1, 10, 4.0, 1), (1, 11, 4.5, 2), (1, 12, 3.5, 3)))
        assert pairs(split.held_out) == [(1, 11)]
        assert pairs(split.known.ratings) == [(1, 10), (1, 12)]

    def test_a_user_who_liked_nothing_has_nothing_held_out(self) -> None:
        split = leave_latest_out(interactions((1, 10, 3.5, 1), (1, 11, 1.0, 2)))
        assert len(split.held_out) == 0
        assert len(split.known) == 2

    def test_a_users_only_rating_stays_to_learn_from(self) -> None:
        assert len(leave_latest_out(interactions((1, 10, 5.0, 1))).held_out) == 0

    def test_of_a_pair_rated_twice_the_latest_counts_and_nothing_of_it_stays_behind(self) -> None:
        split = leave_latest_out(interactions((1, 10, 2.0, 1), (1, 11, 5.0, 2), (1, 10, 4.5, 3)))
        assert pairs(split.held_out) == [(1, 10)]
        assert pairs(split.known.ratings) == [(1, 11)]

    def test_ratings_of_one_moment_are_told_apart_whatever_their_order(self) -> None:
        rows = [(user, movie, 5.0, 1) for user in range(1, 30) for movie in range(4)]
        held_out = {
            tuple(sorted(pairs(leave_latest_out(interactions(*order)).held_out))) for order in (rows, rows[::-1])
        }
        assert len(held_out) == 1
        assert len({movie for _, movie in held_out.pop()}) > 1

    def test_what_is_known_is_split_again_for_validation(self) -> None:
        split = leave_latest_out(interactions((1, 10, 5.0, 1), (1, 11, 5.0, 2), (1, 12, 5.0, 3)))
        assert pairs(leave_latest_out(split.known).held_out) == [(1, 11)]

    @given(ROWS)
    def test_every_pair_is_on_one_side_and_each_user_is_held_out_once_at_most(self, rows: list[Row]) -> None:
        split = leave_latest_out(interactions(*rows))
        known, held_out = pairs(split.known.ratings), pairs(split.held_out)
        assert sorted(known + held_out) == sorted({(user, movie) for user, movie, _, _ in rows})
        users = [user for user, _ in held_out]
        assert len(users) == len(set(users))
        assert set(users) <= {user for user, _ in known}

    @given(ROWS)
    def test_nothing_that_a_user_liked_is_known_from_later_than_what_is_held_out(self, rows: list[Row]) -> None:
        split = leave_latest_out(interactions(*rows))
        latest = {(user, movie): moment for user, movie, _, moment in sorted(rows, key=lambda row: row[3])}
        held = {user: latest[user, movie] for user, movie in pairs(split.held_out)}
        known = split.known
        liked = known.where(known.ratings.rating >= 4)
        assert all(
            moment <= held[user]
            for user, moment in zip(liked.ratings.user_id.tolist(), liked.moment.tolist(), strict=True)
            if user in held
        )

    def test_moments_come_from_timestamps_too(self) -> None:
        ts = pa.array([2, 1], pa.timestamp("us", tz="UTC"))
        columns = {"user_id": pa.array([1, 1], pa.int32()), "movie_id": pa.array([5, 6], pa.int32())}
        table = pa.table({**columns, "rating": pa.array([4.0, 4.0], pa.float32()), "ts": ts})
        assert pairs(leave_latest_out(Interactions.from_arrow(table, "ts")).held_out) == [(1, 5)]


class TestSampleLists:
    KNOWN = interactions(*((user, movie, 3.0, 0) for user in range(1, 4) for movie in range(user, 150))).ratings
    MANY = interactions((9, 1, 3.0, 0), *((8, movie, 3.0, 0) for movie in range(1, 200))).ratings
    HELD = Ratings(np.array([9], np.int32), np.array([2], np.int32), np.array([5.0], np.float32))

    def test_the_held_out_movie_comes_first_and_99_others_follow(self) -> None:
        lists = sample_lists(self.MANY, self.HELD, PROTOCOL)
        assert lists.user_id.tolist() == [9]
        assert lists.movie_id.shape == (1, 100)
        assert lists.movie_id[0, 0] == 2
        assert len(set(lists.movie_id[0].tolist())) == 100

    def test_negatives_are_never_among_the_users_own_movies(self) -> None:
        for seed in range(20):
            negatives = sample_lists(self.MANY, self.HELD, SampledProtocol(seed)).movie_id[0, 1:]
            assert not np.isin(negatives, [1, 2]).any()

    def test_where_there_are_fewer_movies_all_of_them_are_taken(self) -> None:
        known = interactions((9, 1, 3.0, 0), (8, 3, 3.0, 0), (8, 4, 3.0, 0)).ratings
        lists = sample_lists(known, self.HELD, PROTOCOL)
        assert sorted(lists.movie_id[0, 1:3].tolist()) == [3, 4]
        assert (lists.movie_id[0, 3:] == NO_MOVIE).all()

    def test_the_same_seed_draws_the_same_and_another_one_others(self) -> None:
        first, again, other = (sample_lists(self.MANY, self.HELD, SampledProtocol(seed)).movie_id for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_a_users_negatives_do_not_depend_on_who_else_is_judged(self) -> None:
        other = Ratings(np.array([3, 9], np.int32), np.array([150, 2], np.int32), np.array([5.0, 5.0], np.float32))
        known = Ratings.concat([self.MANY, self.KNOWN])
        np.testing.assert_array_equal(
            sample_lists(known, other, PROTOCOL).movie_id[1], sample_lists(known, self.HELD, PROTOCOL).movie_id[0]
        )


def scored(*rows: list[float]) -> np.ndarray:
    return np.array(rows)


def everything_there(scores: np.ndarray) -> np.ndarray:
    return np.ones(scores.shape, bool)


class TestSampledMetrics:
    def test_a_held_out_movie_at_the_top_is_worth_all(self) -> None:
        scores = scored([3.0, *np.linspace(0, 2, 99)])
        found = sampled_metrics(scores, everything_there(scores), 10)
        assert (found.auc, found.ndcg, found.hit_rate) == (1.0, 1.0, 1.0)

    def test_one_at_rank_four_is_worth_what_its_discount_says(self) -> None:
        scores = scored([2.5, 3.0, 4.0, 5.0, *np.linspace(0, 2, 96)])
        found = sampled_metrics(scores, everything_there(scores), 10)
        assert found.ndcg == pytest.approx(1 / np.log2(5))
        assert found.hit_rate == 1.0
        assert found.auc == pytest.approx(96 / 99)

    def test_one_past_the_end_of_the_list_is_no_hit(self) -> None:
        scores = scored([0.0, *np.linspace(1, 2, 10), *np.linspace(-2, -1, 89)])
        found = sampled_metrics(scores, everything_there(scores), 10)
        assert (found.ndcg, found.hit_rate) == (0.0, 0.0)

    def test_a_constant_scorer_gets_what_chance_gets(self) -> None:
        scores = np.zeros((5, 100))
        found = sampled_metrics(scores, everything_there(scores), 10)
        assert found.auc == 0.5
        assert found.hit_rate == pytest.approx(0.1)
        assert found.ndcg == pytest.approx(sum(1 / np.log2(np.arange(2, 12))) / 100)

    def test_a_model_that_can_list_none_of_the_movies_gets_what_chance_gets(self) -> None:
        scores = np.full((1, 100), -np.inf)
        assert sampled_metrics(scores, everything_there(scores), 10).auc == 0.5

    @given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.integers(1, 6))
    def test_ties_come_to_the_mean_over_all_orders(self, values: list[int], k: int) -> None:
        found = sampled_metrics(scored([*map(float, values)]), np.ones((1, 6), bool), k)
        above, equal = sum(v > values[0] for v in values[1:]), sum(v == values[0] for v in values[1:])
        ranks = [above + place for place in range(equal + 1)]
        assert found.hit_rate == pytest.approx(np.mean([rank < k for rank in ranks]))
        assert found.ndcg == pytest.approx(np.mean([(rank < k) / np.log2(rank + 2) for rank in ranks]))
        assert found.auc == pytest.approx(np.mean([(5 - rank) / 5 for rank in ranks]))

    def test_a_score_that_is_no_number_wins_nothing(self) -> None:
        scores = scored([np.nan, 1.0, 2.0])
        with pytest.raises(ValueError, match="no number"):
            sampled_metrics(scores, everything_there(scores), 10)

    def test_who_has_nothing_to_be_ranked_among_is_skipped_and_counted(self) -> None:
        scores = scored([1.0, 0.0], [1.0, 0.0])
        found = sampled_metrics(scores, np.array([[True, True], [True, False]]), 10)
        assert (found.users, found.skipped_users) == (1, 1)

    def test_nobody_has_no_figures(self) -> None:
        found = sampled_metrics(np.zeros((0, 100)), np.zeros((0, 100), bool), 10)
        assert found.users == 0
        assert np.isnan(found.ndcg)


def test_a_model_is_asked_for_the_pairs_alone_and_ranked_by_what_it_says() -> None:
    class ById:
        def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
            assert (movie_id != NO_MOVIE).all()
            return np.where(user_id == 1, movie_id, -movie_id).astype(float)

    lists = SampledLists(np.array([1, 2]), np.array([[9, 3, NO_MOVIE], [9, 3, 4]]))
    found = judge_lists(ById(), lists, 1)
    assert (found.hit_rate, found.auc) == (0.5, 0.5)
