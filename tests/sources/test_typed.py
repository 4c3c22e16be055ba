"""Fields as text become typed columns, or the line stays beside them: for any text, and without an engine."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.sources import movielens, netflix
from reco_assets.sources.layout import RawForm
from reco_assets.sources.typed import RESCUED, fields_of, typed, whole_stars_among

RATED = RawForm(movielens.LAYOUT.ratings.fields)
BLOCKS = RawForm(netflix.LAYOUT.ratings.fields, whole_stars="")
NAMED = RawForm(movielens.LAYOUT.movies.fields)
TITLED = RawForm(netflix.LAYOUT.movies.fields)
TAGGED = RawForm(movielens.LAYOUT.tags.fields)

ANY_TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
ODD = st.sampled_from(
    [
        *(" ", "\t1", "1\n", "\x00", "NaN", "-inf", "1e999", "1_000", "\u0663", "\uff11", "2147483648", "9" * 400),
        *("0x10", "0x7FFFFFFF", "1L", "4.0d", ".", "+", "e1", "-1", "+1", "1.0", "253402300800", "true", "-0"),
    ]
)
ID = st.sampled_from(["1", "0", "2147483647", "01", " 1 "]) | ODD | ANY_TEXT
STARS = st.sampled_from(["4", "4.0", "0.5", "5", "6", ".5", "3.7", "4.", "+4", "5e0", " 4.0"]) | ODD | ANY_TEXT
SECOND = st.sampled_from(["10", "010", "253402300799"]) | ODD | ANY_TEXT
DATE = (
    st.dates().map(str)
    | st.sampled_from(["2005-02-31", "0000-00-00", "1969-12-31", " 2005-09-06", "2005-9-6", "20050906"])
    | ODD
    | ANY_TEXT
)
TITLE = st.sampled_from(["Heat (1995)", " Heat", 'The "A", B']) | ANY_TEXT
YEAR = st.sampled_from(["2000", "0999", "NULL", " 2001"]) | ODD | ANY_TEXT
STRATEGIES = {
    "user_id": ID,
    "movie_id": ID,
    "rating": STARS,
    "timestamp": SECOND,
    "date": DATE,
    "title": TITLE,
    "tag": TITLE,
    "genres": TITLE,
    "year": YEAR,
}


def lines(form: RawForm) -> st.SearchStrategy[list[tuple[str | None, ...]]]:
    return st.lists(st.tuples(*(STRATEGIES[name] for name in form.fields)), min_size=1, max_size=30)


def converted(form: RawForm, rows: list[tuple[str | None, ...]]) -> list[dict[str, Any]]:
    text = {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(form.fields)}
    return pa.table(typed(text, form)).to_pylist()


def whole(text: str, most: int) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) and int(text) <= most else None


def stars(text: str) -> float | None:
    shaped = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?", text)
    return float(text) if shaped and float(text) in [half / 2 for half in range(1, 11)] else None


def seconds(text: str) -> int | None:
    try:
        days = (date.fromisoformat(text) - date(1970, 1, 1)).days if re.fullmatch("[0-9]{4}-..-..", text) else -1
    except ValueError:
        return None
    return days * 86_400 if days >= 0 else None


# What each field is worth by today's rules, in plain Python: the value of trimmed text, None where it breaks one.
WORTH = {
    "user_id": lambda text: whole(text, 2**31 - 1),
    "movie_id": lambda text: whole(text, 2**31 - 1),
    "rating": stars,
    "timestamp": lambda text: whole(text, 253_402_300_799),
    "date": seconds,
    "title": lambda text: text or None,
    "tag": lambda text: text or None,
    "genres": lambda text: text,
    "year": lambda text: int(text) if re.fullmatch("[0-9]{4}", text) else None,
}
MAY_BE_EMPTY = {"genres", "year"}


def written(form: RawForm, name: str, value: Any) -> str:
    """A typed value as the source writes it."""
    if name == "rating":
        return f"{value:g}" if value % 1 else f"{value:g}{form.whole_stars}"
    return str(date.fromordinal(719_163 + value // 86_400)) if name == "date" else str(value)


FORMS = pytest.mark.parametrize("form", [RATED, BLOCKS, NAMED, TITLED, TAGGED], ids=lambda form: form.fields[1])
MANY = settings(max_examples=60, deadline=None)


def drawn(form: RawForm, data: st.DataObject) -> Iterator[tuple[tuple[str | None, ...], list[Any], str | None]]:
    """Of any lines: the fields as text, their typed values, and the line where it is kept beside them."""
    rows = data.draw(lines(form))
    for fields, row in zip(rows, converted(form, rows), strict=True):
        yield fields, [row["timestamp" if name == "date" else name] for name in form.fields], row[RESCUED]


@FORMS
@MANY
@given(data=st.data())
def test_a_typed_value_is_there_exactly_where_its_field_keeps_its_rules(form: RawForm, data: st.DataObject) -> None:
    for fields, values, _ in drawn(form, data):
        assert values == [
            None if text is None else WORTH[name](text.strip(" "))
            for name, text in zip(form.fields, fields, strict=True)
        ]


@FORMS
@MANY
@given(data=st.data())
def test_a_line_is_kept_exactly_where_typed_values_do_not_give_it_again(form: RawForm, data: st.DataObject) -> None:
    for fields, values, kept in drawn(form, data):
        named = dict(zip(form.fields, values, strict=True))
        again = [None if value is None else written(form, name, value) for name, value in named.items()]
        missing = {name for name, value in named.items() if value is None} - MAY_BE_EMPTY
        assert (kept is None) == (again == list(fields) and not missing)


@FORMS
@MANY
@given(data=st.data())
def test_a_kept_line_gives_its_fields_back(form: RawForm, data: st.DataObject) -> None:
    rows = data.draw(
        lines(form).map(
            lambda rows: [row for row in rows if not re.search("[\r\n]", "".join(field or "" for field in row))]
        )
    )
    kept = pa.array([row[RESCUED] for row in converted(form, rows)], pa.string())
    where = kept.is_valid().to_pylist()
    found = pa.table(fields_of(kept.drop_null(), form)).to_pylist()
    assert [tuple(row.values()) for row in found] == [row for row, odd in zip(rows, where, strict=True) if odd]


def test_only_a_field_with_a_comma_or_a_quote_is_quoted_in_a_kept_line() -> None:
    (row,) = converted(TAGGED, [("x", "10", 'a, "b"', " 100")])
    assert row[RESCUED] == 'x,10,"a, ""b""", 100'


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [(["4.0", "3.5", "5.0"], ".0"), (["4", "3.5", "5.0", "1"], ""), (["3.5", None, "x"], ".0"), ([], ".0")],
)
def test_most_whole_stars_say_how_a_source_writes_them(ratings: list[str | None], expected: str) -> None:
    assert whole_stars_among(pa.array(ratings, pa.string())) == expected
