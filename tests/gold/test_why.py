"""What speaks for each movie of a list, as rows."""

import numpy as np
import pyarrow as pa

from reco_assets.gold.why import lists_of, why_rows
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.ratings import Ratings

CONFIG = ModelConfig(ExplicitAls(2, 5, 0.1, 1), ImplicitAls(2, 5, 0.1, 1, 0.75), 3.5)
TWO_TASTES = [
    (user, movie, 5.0) for user in range(6) for movie in range(8) if (user + movie) % 2 == 0 and user != movie
]
DISLIKED = (6, 1, 1.0)


def ratings(*rows: tuple[int, int, float]) -> Ratings:
    users, movies, stars = zip(*rows, strict=True)
    return Ratings(np.array(users, np.int32), np.array(movies, np.int32), np.array(stars, np.float32))


LEARNED = ratings(*TWO_TASTES, DISLIKED)
MODEL = AlsRecommender.fit(LEARNED, CONFIG)


def listed(lists: dict[int, list[int]]) -> pa.Table:
    entries = [
        [{"movie_id": movie, "score": 1.0, "rank": at + 1} for at, movie in enumerate(own)] for own in lists.values()
    ]
    kind = pa.list_(pa.struct({"movie_id": pa.int32(), "score": pa.float32(), "rank": pa.int32()}))
    return pa.table({"user_id": pa.array(lists, pa.int32()), "recommendations": pa.array(entries, kind)})


def rows(lists: dict[int, list[int]]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = why_rows(MODEL, lists_of(listed(lists)), LEARNED, "v1").to_pylist()
    return found


def test_each_movie_of_each_list_has_a_row_also_where_lists_end_early() -> None:
    found = rows({4: [4, 1, 3], 0: [], 2: [2]})
    assert [(row["user_id"], row["movie_id"], row["model_version"]) for row in found] == [
        *((4, movie, "v1") for movie in (4, 1, 3)),
        (2, 2, "v1"),
    ]


def test_movies_of_the_users_own_speak_the_greatest_share_first() -> None:
    (row,) = rows({0: [0]})
    because = row["because"]
    assert isinstance(because, list)
    assert {reason["movie_id"] for reason in because} <= {2, 4, 6}
    shares = [reason["share"] for reason in because]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) > 0.9


def test_nothing_speaks_to_someone_without_a_like_or_whom_the_model_does_not_know() -> None:
    assert [row["because"] for row in rows({6: [2], 99: [2, 3]})] == [[], [], []]


def test_without_lists_there_is_no_row() -> None:
    assert rows({}) == []
