"""What one person is told: the list of gold with titles and genres."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.gold.answers import (
    Answer,
    Entry,
    NoReasonsError,
    Reason,
    reasons,
    recommended,
    similar,
    without_ratings,
)
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import Side
from reco_assets.models.versions.store import model_store
from reco_assets.rules.reading import add_rules
from reco_assets.rules.rule import Draft
from reco_assets.tables import (
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    RECOMMENDATIONS_WHY,
    SILVER_MOVIES,
    SIMILAR_MOVIES,
)
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

LIST = [{"movie_id": 2, "score": 0.5, "rank": 1}, {"movie_id": 9, "score": 0.25, "rank": 2}]
MADE: dict[str, Any] = {"model_version": "v1", "generated_ts": datetime(2026, 1, 1, tzinfo=UTC)}
ENTRIES = [Entry(1, 2, "Heat (1995)", "Action, Crime", 0.5), Entry(2, 9, "movie 9", "", 0.25)]


def write(lakehouse: Lakehouse, spec: TableSpec, row: dict[str, object]) -> None:
    lakehouse.write(spec, pa.Table.from_pylist([row], to_arrow_schema(spec.schema, timezone="UTC")))


@pytest.fixture
def served(lakehouse: Lakehouse) -> Lakehouse:
    """Gold lists of user 7 and movie 2, and the titles of movie 2 alone."""

    def put(spec: TableSpec, row: dict[str, object]) -> None:
        write(lakehouse, spec, row)

    put(RECOMMENDATIONS_ALS, {"user_id": 7, "recommendations": LIST, **MADE})
    because = [{"movie_id": 2, "share": 0.5}, {"movie_id": 8, "share": 0.25}]
    put(RECOMMENDATIONS_WHY, {"user_id": 7, "movie_id": 9, "because": because, "model_version": "v1"})
    put(SIMILAR_MOVIES, {"movie_id": 2, "similar": LIST, **MADE})
    put(SILVER_MOVIES, {"movie_id": 2, "title": "Heat (1995)", "genres": ["Action", "Crime"]})
    return lakehouse


def test_a_user_is_told_the_list_of_gold_with_titles(served: Lakehouse) -> None:
    assert recommended(served, 7) == Answer("For user 7, model v1", ENTRIES, "v1")


def test_for_no_user_the_first_list_is_told(served: Lakehouse) -> None:
    assert recommended(served, None) == recommended(served, 7)


@pytest.mark.parametrize(
    ("version", "later", "preferred"),
    [("v1", timedelta(-1), True), ("v0", timedelta(1), True), ("v0", timedelta(-1), False)],
    ids=["of the same version", "newer, as of a version that was put back", "older than a retraining"],
)
def test_a_list_with_ratings_that_wait_is_told_unless_another_version_made_a_newer_one(
    served: Lakehouse, version: str, later: timedelta, preferred: bool
) -> None:
    made = {"model_version": version, "generated_ts": MADE["generated_ts"] + later, "basis": "history_and_waiting"}
    write(served, RECOMMENDATIONS_FRESH, {"user_id": 7, "recommendations": LIST[:1], **made})
    told = recommended(served, 7)
    assert told is not None
    assert (told.fresh, told.version, len(told.entries)) == ((True, version, 1) if preferred else (False, "v1", 2))


def test_a_movie_that_was_hidden_since_is_in_no_answer(served: Lakehouse) -> None:
    draft = Draft("hide", "genre", "crime", None, None, date(2026, 1, 1), None, "asked for")
    add_rules(served, [draft])
    left = [Entry(1, 9, "movie 9", "", 0.25)]
    assert recommended(served, 7) == Answer("For user 7, model v1; 1 hidden since it was made", left, "v1")
    assert similar(served, 2) == Answer("Like Heat (1995)", left)


def test_what_speaks_for_a_movie_of_a_list_is_told_with_titles_and_shares(served: Lakehouse) -> None:
    assert reasons(served, Answer("", ENTRIES, "v1"), 7) == {9: [Reason("Heat (1995)", 0.5), Reason("movie 8", 0.25)]}


def test_reasons_of_another_version_than_the_list_are_not_told(served: Lakehouse) -> None:
    with pytest.raises(NoReasonsError, match="has the reasons of v1, and the list is of v2"):
        reasons(served, Answer("", ENTRIES, "v2"), 7)


def test_nothing_speaks_for_the_popular_movies_of_someone_whom_nobody_knows(served: Lakehouse) -> None:
    assert reasons(served, Answer("", ENTRIES), 8) == {}


def test_movies_that_had_no_ratings_are_told_from_the_others_as_long_as_the_version_is_there(served: Lakehouse) -> None:
    answer, store = recommended(served, 7), model_store(served.settings, ALS)
    assert answer is not None
    assert without_ratings(served, answer) == set()
    users, movies = (np.array(ids, np.int32) for ids in ([7, 7, 8], [1, 2, 1]))
    config = ModelConfig(ExplicitAls(2, 1, 0.1, 1), ImplicitAls(2, 1, 0.1, 1, 0.75), 3.5)
    model = AlsRecommender.fit(Ratings(users, movies, np.array([5, 4, 3], np.float32)), config)
    model = replace(model, new=Side(np.array([9], np.int32), np.ones((1, 2), np.float32)))
    store.save("v1", Trained(model), {"new_movies": {"line": "1 movie"}})
    assert without_ratings(served, answer) == {9}
    assert without_ratings(served, replace(answer, version=None)) == set()


def test_a_movie_has_those_that_are_like_it(served: Lakehouse) -> None:
    assert similar(served, 2) == Answer("Like Heat (1995)", ENTRIES)


def test_a_movie_that_the_champion_does_not_know_has_none(served: Lakehouse) -> None:
    assert similar(served, 3) is None
