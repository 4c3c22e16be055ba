"""Whatever text stands in the files: typed raw rows become what text became, rule by rule, when every rule read text.

Each example is one table of many rows, because a query costs far more than a row.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.quality.exact_duplicates import exact_duplicates
from reco_assets.silver.movies import SAID, clean_movies, what_movies_say
from reco_assets.silver.ratings import NEEDED, clean_rating_frame, clean_ratings
from reco_assets.silver.tags import clean_tags
from reco_assets.sources import movielens, netflix
from reco_assets.sources.layout import RawForm
from tests.silver import text_path

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
# A field holds no line end: the readers refuse one.
ANY_TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
ODD = st.sampled_from(
    [
        *("", " ", "\t1", "\x00", "NaN", "-inf", "1e999", "1_000", "\u0663", "\uff11", "2147483648", "9" * 40),
        *("0x10", "1L", "4.0d", ".", "+", "e1", "2005-02-31", "0000-00-00", "99999-01-01", "253402300800", "true"),
        *('"', ",", 'a, "b"', "4102444800", "2100-01-01"),
    ]
)
# Few ids and times, so that rows meet: as repeats, as conflicts and in other spellings of the same value.
ID = st.sampled_from(["1", "2", "01", " 1 "]) | ODD | ANY_TEXT
STARS = st.sampled_from(["4", "4.0", "0.5", "5", "6", "3.7"]) | ODD | ANY_TEXT
FIELDS = {
    "user_id": ID,
    "movie_id": ID,
    "rating": STARS,
    "timestamp": st.sampled_from(["10", "11", "010"]) | ODD | ANY_TEXT,
    "date": st.sampled_from(["2005-09-06", "2005-09-07"]) | ODD | ANY_TEXT,
    "title": st.sampled_from(["A (2000)", "A (2001)"]) | ODD | ANY_TEXT,
    "tag": ODD | ANY_TEXT,
    "genres": ODD | ANY_TEXT,
    "year": st.sampled_from(["2000", "2001", "NULL"]) | ODD | ANY_TEXT,
}
RATED, BLOCKS = RawForm(movielens.LAYOUT.ratings.fields), RawForm(netflix.LAYOUT.ratings.fields, whole_stars="")
LAYOUTS = (movielens.LAYOUT, netflix.LAYOUT)
Outcome = tuple[list[str], list[str]]


def rows(form: RawForm) -> st.SearchStrategy[list[tuple[str | None, ...]]]:
    plain = {"user_id": "1", "movie_id": "2", "rating": "4.0", "timestamp": "10", "date": "2005-09-06"}
    mostly = [FIELDS[name] | st.just(plain[name]) if name in plain else FIELDS[name] for name in form.fields]
    return st.lists(st.tuples(*mostly), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def drawn(raw: Callable, spark: Any) -> Callable[[RawForm, st.DataObject], tuple[pa.Table, Any]]:
    """Draw lines, and make two raw tables of them: as bronze is, and of texts, as it was."""

    def make(form: RawForm, data: st.DataObject) -> tuple[pa.Table, Any]:
        lines = data.draw(rows(form))
        fields = {n: pa.array([line[at] or None for line in lines], pa.string()) for at, n in enumerate(form.fields)}
        place = {"_line": range(2, len(lines) + 2), "_source_file": ["file.csv"] * len(lines)}
        return raw(form, lines), spark.createDataFrame(pa.table({**fields, **place}))

    return make


@pytest.fixture(scope="module")
def outcome(rows_of: Callable) -> Callable[[Any], Outcome]:
    """The rows of silver and of the quarantine, each in one order."""

    def make(cleaned: Any) -> Outcome:
        return tuple(sorted(str(row) for row in rows_of(part)) for part in (cleaned.good, cleaned.quarantined))

    return make


@pytest.mark.parametrize("form", [RATED, BLOCKS], ids=["movielens", "netflix"])
@FEW
@given(data=st.data())
def test_ratings_are_what_they_were_as_text(
    form: RawForm, data: st.DataObject, drawn: Callable, outcome: Callable
) -> None:
    typed_rows, before = drawn(form, data)
    text = text_path.ratings_as_text(before)
    expected = text_path.clean_ratings(text, NOW)
    cleaned = clean_ratings(typed_rows, form, NOW)
    assert outcome(cleaned) == outcome(expected)
    known = text_path.exact_duplicates(text_path.typed_ratings(text), expected.quarantined)
    assert exact_duplicates(typed_rows, NEEDED, cleaned.quarantined) == known


@FEW
@given(lines=rows(RATED))
def test_ratings_are_cleaned_as_a_frame_as_they_are_in_memory(
    lines: list[tuple], raw: Callable, spark: Any, outcome: Callable
) -> None:
    in_memory = raw(RATED, lines)
    frame = spark.createDataFrame(in_memory)
    assert outcome(clean_rating_frame(frame, RATED, NOW)) == outcome(clean_ratings(in_memory, RATED, NOW))


@FEW
@given(lines=rows(RATED), seed=st.integers(0, 1000))
def test_the_order_in_which_ratings_are_read_changes_nothing(
    lines: list[tuple], seed: int, raw: Callable, outcome: Callable
) -> None:
    shuffled = random.Random(seed).sample(range(len(lines)), len(lines))
    again = raw(RATED, [lines[place] for place in shuffled], lines=[place + 2 for place in shuffled])
    assert outcome(clean_ratings(again, RATED, NOW)) == outcome(clean_ratings(raw(RATED, lines), RATED, NOW))


@pytest.mark.parametrize("layout", LAYOUTS, ids=["movielens", "netflix"])
@FEW
@given(data=st.data())
def test_movies_are_what_they_were_as_text(
    layout: Any, data: st.DataObject, drawn: Callable, outcome: Callable
) -> None:
    form = RawForm(layout.movies.fields)
    typed_rows, before = drawn(form, data)
    text = text_path.movies_as_text(before)
    expected = text_path.clean_movies(text)
    cleaned = clean_movies(typed_rows, form, NOW)
    assert outcome(cleaned) == outcome(expected)
    known = text_path.exact_duplicates(text_path.typed_movies(text), expected.quarantined)
    said = what_movies_say(typed_rows, form)
    assert exact_duplicates(said, ("movie_id", *SAID), cleaned.quarantined) == known


@pytest.mark.parametrize("layout", LAYOUTS, ids=["movielens", "netflix"])
@FEW
@given(data=st.data())
def test_tags_are_what_they_were_as_text(layout: Any, data: st.DataObject, drawn: Callable, outcome: Callable) -> None:
    form = RawForm(layout.tags.fields)
    typed_rows, before = drawn(form, data)
    expected = text_path.clean_tags(text_path.tags_as_text(before), NOW)
    assert outcome(clean_tags(typed_rows, form, NOW)) == outcome(expected)
