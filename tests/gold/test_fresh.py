"""Lists for users whose ratings wait: as if the champion were asked about someone who said all of it."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.gold.fresh import SAID, Agreement, agreement, fresh_rows
from reco_assets.gold.recommendations import Order
from reco_assets.models.als.recommender import AlsRecommender, ModelConfig
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.biases import Biases
from reco_assets.models.ratings import Ratings

NOW = datetime(2025, 1, 1, tzinfo=UTC)
MOVIES = 12


@pytest.fixture(scope="module")
def model() -> AlsRecommender:
    rng = np.random.default_rng(4)
    items, nobody = rng.normal(size=(MOVIES, 3)).astype(np.float32), np.zeros((0, 3), np.float32)
    return AlsRecommender(
        config=ModelConfig(ExplicitAls(3, 3, 0.1, 1), ImplicitAls(3, 3, 0.1, 1, 0.75), 3.5),
        user_ids=np.zeros(0, np.int32),
        movie_ids=np.arange(MOVIES, dtype=np.int32),
        biases=Biases(3.5, np.zeros(0, np.float32), np.zeros(MOVIES, np.float32)),
        rating_users=nobody,
        rating_items=items,
        ranking_users=nobody,
        ranking_items=items,
        item_counts=np.arange(MOVIES, dtype=np.int32),
    )


def said(*rows: tuple[int, int, float, int, bool]) -> pa.Table:
    """Of (user, movie, stars, number of the batch, whether it counts), all at one time, each in line 2."""
    user, movie, stars, number, counts = zip(*rows, strict=True)
    columns = {"user_id": pa.array(user, pa.int32()), "movie_id": pa.array(movie, pa.int32())}
    columns |= {"rating_ts": pa.repeat(pa.scalar(NOW, pa.timestamp("us", "UTC")), len(rows))}
    columns |= {"rating": pa.array(stars, pa.float32()), "number": pa.array(number, pa.int64())}
    columns |= {"line": pa.repeat(pa.scalar(2, pa.int64()), len(rows)), "counts": pa.array(counts)}
    return pa.table(columns).select(SAID)


def lists(rows: pa.Table) -> list[list[int]]:
    return [[entry["movie_id"] for entry in entries] for entries in rows["recommendations"].to_pylist()]


def expected(model: AlsRecommender, own: dict[int, float]) -> list[list[int]]:
    movies, stars = np.array(list(own), np.int32), np.array(list(own.values()), np.float32)
    ratings = Ratings(np.full(len(own), 7, np.int32), movies, stars)
    found = model.fold_in(ratings).recommend(np.array([7], np.int32), 5, ratings)
    return [found.movie_id[0].tolist()]


def test_history_and_what_waits_speak_together(model: AlsRecommender) -> None:
    rows = fresh_rows(model, said((7, 1, 5, 0, True), (7, 2, 4, 1, True), (7, 3, 1, 2, True)), "v1", Order(5, NOW))
    assert lists(rows) == expected(model, {1: 5, 2: 4, 3: 1})


def test_each_list_says_what_it_is_made_of(model: AlsRecommender) -> None:
    rows = fresh_rows(model, said((7, 1, 5, 0, True), (7, 2, 4, 1, True), (8, 2, 4, 1, True)), "v1", Order(5, NOW))
    assert dict(zip(rows["user_id"].to_pylist(), rows["basis"].to_pylist(), strict=True)) == {
        7: "history_and_waiting",
        8: "waiting",
    }


def test_the_last_word_on_a_movie_counts(model: AlsRecommender) -> None:
    rows = fresh_rows(model, said((7, 2, 4, 2, True), (7, 2, 1, 1, True), (7, 5, 4, 1, True)), "v1", Order(5, NOW))
    assert lists(rows) == expected(model, {2: 4, 5: 4})


def test_what_is_kept_for_the_future_is_not_listed_and_says_nothing(model: AlsRecommender) -> None:
    [without] = lists(fresh_rows(model, said((7, 1, 5, 1, True)), "v1", Order(5, NOW)))
    [found] = lists(fresh_rows(model, said((7, 1, 5, 1, True), (7, without[0], 5, 0, False)), "v1", Order(5, NOW)))
    assert found[:4] == without[1:]


def test_a_rating_of_the_future_that_streams_in_counts(model: AlsRecommender) -> None:
    rows = fresh_rows(model, said((7, 4, 5, 0, False), (7, 4, 5, 1, True)), "v1", Order(5, NOW))
    assert lists(rows) == expected(model, {4: 5})


def listed(lists: dict[int, list[int]]) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"user_id": user, "recommendations": [{"movie_id": movie} for movie in movies]}
        for user, movies in lists.items()
    ]
    return pa.Table.from_pylist(rows)


def test_lists_agree_as_far_as_they_have_movies_in_common_beside_what_other_users_have() -> None:
    found = agreement(listed({1: [1, 2], 2: [5, 6], 3: [1]}), listed({1: [2, 1], 2: [5, 1], 4: [1]}))
    assert found == Agreement(users=2, own=0.75, others=0.25)
    assert found.holds


def test_lists_that_are_more_like_other_users_do_not_hold() -> None:
    found = agreement(listed({1: [1, 2], 2: [5, 6]}), listed({1: [5, 6], 2: [1, 2]}))
    assert found is not None
    assert not found.holds


def test_of_one_user_there_is_nobody_to_compare_with_and_of_none_nothing() -> None:
    assert agreement(listed({1: [1]}), listed({1: [1]})) == Agreement(1, 1.0, None)
    assert agreement(listed({1: [1]}), listed({2: [1]})) is None
