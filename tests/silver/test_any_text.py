"""Whatever text stands in the files: nothing raises, no row is lost, and the order of rows does not matter.

Each example is one frame of many rows, because a query costs far more than a row.
"""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.silver.cleaning import (
    clean_movies,
    clean_ratings,
    clean_tags,
    exact_duplicates,
    typed_movies,
    typed_ratings,
)
from reco_assets.silver.layouts import movies_as_text, ratings_as_text, tags_as_text
from reco_assets.sources import movielens, netflix

NOW = datetime(2026, 1, 2, tzinfo=UTC)

pytestmark = pytest.mark.both_engines

FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
ANY_TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ODD = st.sampled_from(
    [
        *("", " ", "\t1", "1\n", "\x00", "NaN", "-inf", "1e999", "1_000", "\u0663", "\uff11", "2147483648", "9" * 40),
        *("0x10", "1L", "4.0d", ".", "+", "e1", "2005-02-31", "0000-00-00", "99999-01-01", "253402300800", "true"),
    ]
)
# Few ids and times, so that rows meet: as repeats, as conflicts and in other spellings of the same value.
ID = st.sampled_from(["1", "2", "01", " 1 "]) | ODD | ANY_TEXT
STARS = st.sampled_from(["4", "4.0", "0.5", "5", "6"]) | ODD | ANY_TEXT
SECOND = st.sampled_from(["10", "11", "010"]) | ODD | ANY_TEXT
DATE = st.sampled_from(["2005-09-06", "2005-09-07"]) | ODD | ANY_TEXT
TITLE = st.sampled_from(["A (2000)", "A (2001)"]) | ODD | ANY_TEXT
YEAR = st.sampled_from(["2000", "2001", "NULL"]) | ODD | ANY_TEXT


def rows(*fields: st.SearchStrategy) -> st.SearchStrategy[list[tuple]]:
    return st.lists(st.tuples(*fields), min_size=1, max_size=60)


RATINGS = {movielens.RATINGS: rows(ID, ID, STARS, SECOND), netflix.RATINGS: rows(ID, ID, STARS, DATE)}
MOVIES = {movielens.MOVIES: rows(ID, TITLE, ANY_TEXT), netflix.MOVIES: rows(ID, YEAR, TITLE)}
TAGS = {movielens.TAGS: rows(ID, ID, ANY_TEXT, SECOND), netflix.TAGS: rows(ID, ID, ANY_TEXT, DATE)}


@pytest.mark.parametrize("columns", RATINGS, ids=["movielens", "netflix"])
@FEW
@given(data=st.data())
def test_every_raw_rating_is_good_or_quarantined_or_an_exact_duplicate(
    columns: tuple[str, ...], data: st.DataObject, bronze: Callable[..., Any], rows_of: Callable
) -> None:
    raw = data.draw(RATINGS[columns])
    text = ratings_as_text(bronze(columns, raw))
    cleaned = clean_ratings(text, NOW)
    good, quarantined = rows_of(cleaned.good), rows_of(cleaned.quarantined)
    assert len(raw) == len(good) + len(quarantined) + exact_duplicates(typed_ratings(text), cleaned.quarantined)
    assert len({(row["user_id"], row["movie_id"], row["rating_ts"]) for row in good}) == len(good)
    assert len({row["line"] for row in quarantined}) == len(quarantined)
    assert all(row["reasons"] for row in quarantined)


@pytest.mark.parametrize("columns", MOVIES, ids=["movielens", "netflix"])
@FEW
@given(data=st.data())
def test_every_raw_movie_is_good_or_quarantined_or_an_exact_duplicate(
    columns: tuple[str, ...], data: st.DataObject, bronze: Callable[..., Any], rows_of: Callable
) -> None:
    raw = data.draw(MOVIES[columns])
    text = movies_as_text(bronze(columns, raw))
    cleaned = clean_movies(text)
    good, quarantined = rows_of(cleaned.good), rows_of(cleaned.quarantined)
    assert len(raw) == len(good) + len(quarantined) + exact_duplicates(typed_movies(text), cleaned.quarantined)
    assert len({row["movie_id"] for row in good}) == len(good)
    assert all(row["reasons"] for row in quarantined)


@pytest.mark.parametrize("columns", TAGS, ids=["movielens", "netflix"])
@FEW
@given(data=st.data())
def test_every_raw_tag_is_good_or_quarantined(
    columns: tuple[str, ...], data: st.DataObject, bronze: Callable[..., Any], rows_of: Callable
) -> None:
    raw = data.draw(TAGS[columns])
    cleaned = clean_tags(tags_as_text(bronze(columns, raw)), NOW)
    assert len(raw) == len(rows_of(cleaned.good)) + len(rows_of(cleaned.quarantined))


@FEW
@given(raw=RATINGS[movielens.RATINGS])
def test_a_rating_is_refused_by_its_rules_exactly_when_python_reads_it_as_bad(
    raw: list[tuple], bronze: Callable[..., Any], rows_of: Callable
) -> None:
    quarantined = rows_of(clean_ratings(ratings_as_text(bronze(movielens.RATINGS, raw)), NOW).quarantined)
    refused = {row["line"] for row in quarantined if row["reasons"] != ["conflicting_duplicate"]}
    assert refused == {line for line, row in enumerate(raw, start=2) if not _is_good(*row)}


@FEW
@given(raw=RATINGS[movielens.RATINGS], seed=st.integers(0, 1000))
def test_the_order_in_which_rows_are_read_changes_nothing(
    raw: list[tuple], seed: int, bronze: Callable[..., Any], rows_of: Callable
) -> None:
    numbered = list(enumerate(raw, start=2))
    shuffled = random.Random(seed).sample(numbered, len(numbered))
    assert _outcome(bronze, rows_of, numbered) == _outcome(bronze, rows_of, shuffled)


def _outcome(bronze: Callable[..., Any], rows_of: Callable, numbered: list[tuple[int, tuple]]) -> tuple[list, list]:
    lines, raw = [line for line, _ in numbered], [row for _, row in numbered]
    cleaned = clean_ratings(ratings_as_text(bronze(movielens.RATINGS, raw, lines=lines)), NOW)
    by_key = ("user_id", "movie_id", "rating_ts")
    good = sorted(rows_of(cleaned.good), key=lambda row: [row[name] for name in by_key])
    return good, sorted(rows_of(cleaned.quarantined), key=lambda row: row["line"])


def _is_good(user: str | None, movie: str | None, stars: str | None, second: str | None) -> bool:
    numbers = [(value or "").strip(" ") for value in (user, movie, second)]
    if not all(re.fullmatch("[0-9]{1,18}", number) for number in numbers):
        return False
    user_id, movie_id, seconds = map(int, numbers)
    rating = (stars or "").strip(" ")
    shaped = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?", rating)
    return bool(shaped and 0.5 <= float(rating) <= 5.0 and max(user_id, movie_id) < 2**31 and seconds < 253402300800)
