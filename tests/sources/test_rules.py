"""Which rules the fields of a line break, told from their text."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from reco_assets.sources.rules import broken_rules

NOW = datetime(2026, 1, 2, tzinfo=UTC)

RATED = {"user_id": "1", "movie_id": "2", "rating": "3.5", "timestamp": "4"}
BLOCKS = {"movie_id": "2", "user_id": "1", "rating": "3", "date": "2005-01-01"}
NAMED = {"movie_id": "2", "title": "Heat", "genres": "Drama"}
TAGGED = {"user_id": "1", "movie_id": "2", "tag": "slow", "timestamp": "4"}

IDS = {
    **dict.fromkeys(["1", "0", " 7 ", "007", "2147483647"], None),
    **dict.fromkeys([None, "", " "], "null"),
    **dict.fromkeys(["-1", "+1", "1.0", "x", "0x10", "2147483648", "9" * 18, "9" * 19, "\uff11"], "invalid"),
}
RATINGS = {
    **dict.fromkeys(["3.5", ".5", "5.", "5e0", "+4", " 4 "], None),
    **dict.fromkeys(["3,5", "", None, "NaN", "inf", "1e400", "--4"], "invalid_rating"),
    **dict.fromkeys(["-4", "0", "5.5", "1e99"], "rating_out_of_range"),
    "3.7": "rating_between_half_stars",
}
TIMES = {
    **dict.fromkeys(["0", " 1000000000", "1767398400"], None),
    **dict.fromkeys(["x", "", None, "1e9", "-5", "1.0", "2024-01-31", "253402300800"], "invalid_timestamp"),
    **dict.fromkeys(["1767398401", "4102444800"], "future_date"),
}
DAYS = {
    **dict.fromkeys(["2005-01-01", " 2005-01-01 ", "2004-02-29", "2026-01-03"], None),
    **dict.fromkeys(
        ["2005-13-01", "2005-02-31", "05-01-01", "1000000000", "", None, "1969-12-31", "2005-01-01 10:00:00"],
        "invalid_timestamp",
    ),
    "2999-01-01": "future_date",
}
TEXTS = {**dict.fromkeys(["Heat", " Heat"], None), **dict.fromkeys(["", " ", None], "null")}


def reasons(row: dict[str, str | None]) -> list[str]:
    return list(broken_rules({name: pa.array([text], pa.string()) for name, text in row.items()}, NOW))


@pytest.mark.parametrize("name", ["user_id", "movie_id"])
@pytest.mark.parametrize(("text", "rule"), IDS.items())
def test_an_id_is_a_whole_number_of_31_bits(name: str, text: str | None, rule: str | None) -> None:
    assert reasons(RATED | {name: text}) == ([f"{rule}_{name}"] if rule else [])


@pytest.mark.parametrize(("text", "rule"), RATINGS.items())
def test_a_rating_is_a_half_star_from_a_half_to_five(text: str | None, rule: str | None) -> None:
    assert reasons(RATED | {"rating": text}) == ([rule] if rule else [])


@pytest.mark.parametrize(("text", "rule"), TIMES.items())
def test_a_time_is_unix_seconds_and_not_a_day_ahead(text: str | None, rule: str | None) -> None:
    assert reasons(RATED | {"timestamp": text}) == ([rule] if rule else [])


@pytest.mark.parametrize(("text", "rule"), DAYS.items())
def test_a_date_is_a_day_that_there_is_and_not_ahead(text: str | None, rule: str | None) -> None:
    assert reasons(BLOCKS | {"date": text}) == ([rule] if rule else [])


@pytest.mark.parametrize(("row", "name"), [(NAMED, "title"), (TAGGED, "tag")])
@pytest.mark.parametrize(("text", "rule"), TEXTS.items())
def test_a_title_and_a_tag_hold_text(row: dict[str, str | None], name: str, text: str | None, rule: str | None) -> None:
    assert reasons(row | {name: text}) == ([f"{rule}_{name}"] if rule else [])


def test_genres_and_years_may_be_anything() -> None:
    assert reasons({"movie_id": "2", "year": "NULL", "title": "Heat"}) == []
    assert reasons(NAMED | {"genres": None}) == []


def test_reasons_are_those_of_ids_then_of_the_rating_then_of_the_time() -> None:
    row = {"movie_id": "x", "user_id": None, "rating": "6", "date": "today"}
    assert reasons(row) == ["null_user_id", "invalid_movie_id", "rating_out_of_range", "invalid_timestamp"]


def test_each_reason_tells_its_rows() -> None:
    text = {name: pa.array([value, value], pa.string()) for name, value in RATED.items()}
    broken = broken_rules(text | {"rating": pa.array(["6", "3.7"])}, NOW)
    assert {reason: where.tolist() for reason, where in broken.items()} == {
        "rating_out_of_range": [True, False],
        "rating_between_half_stars": [False, True],
    }
