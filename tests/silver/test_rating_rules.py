"""Which ratings are good, which are refused and why, and which of several rows with one key is kept."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reco_assets.quality.exact_duplicates import exact_duplicates
from reco_assets.silver.quarantine import Cleaned
from reco_assets.silver.ratings import NEEDED
from reco_assets.sources import movielens
from reco_assets.sources.layout import RawForm
from reco_assets.tables import QUARANTINE_RATINGS, SILVER_RATINGS
from reco_assets.vocabulary import CLOCK_SKEW
from resources.tables.writing import schema_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RATINGS = RawForm(movielens.LAYOUT.ratings.fields)

pytestmark = pytest.mark.both_engines

REFUSED = {
    "a user id that is a word": (("abc", "1", "4.0", "1"), ["invalid_user_id"]),
    "a movie id that is a word": (("1", "abc", "4.0", "1"), ["invalid_movie_id"]),
    "a decimal user id": (("1.0", "1", "4.0", "1"), ["invalid_user_id"]),
    "a negative user id": (("-1", "1", "4.0", "1"), ["invalid_user_id"]),
    "a negative movie id": (("1", "-1", "4.0", "1"), ["invalid_movie_id"]),
    "a user id one past int32": (("2147483648", "1", "4.0", "1"), ["invalid_user_id"]),
    "a movie id one past int32": (("1", "2147483648", "4.0", "1"), ["invalid_movie_id"]),
    "a user id past int64": (("9" * 30, "1", "4.0", "1"), ["invalid_user_id"]),
    "a user id in exponent notation": (("1e3", "1", "4.0", "1"), ["invalid_user_id"]),
    "a user id in Arabic digits": (("\u0661", "1", "4.0", "1"), ["invalid_user_id"]),
    "a null user id": ((None, "1", "4.0", "1"), ["null_user_id"]),
    "an empty user id": (("", "1", "4.0", "1"), ["null_user_id"]),
    "a user id of spaces": (("  ", "1", "4.0", "1"), ["null_user_id"]),
    "a null movie id": (("1", None, "4.0", "1"), ["null_movie_id"]),
    "a null rating": (("1", "1", None, "1"), ["invalid_rating"]),
    "an empty rating": (("1", "1", "", "1"), ["invalid_rating"]),
    "a rating that is a word": (("1", "1", "good", "1"), ["invalid_rating"]),
    "NaN as a rating": (("1", "1", "NaN", "1"), ["invalid_rating"]),
    "Inf as a rating": (("1", "1", "Inf", "1"), ["invalid_rating"]),
    "-Infinity as a rating": (("1", "1", "-Infinity", "1"), ["invalid_rating"]),
    "a rating with a type suffix": (("1", "1", "4.0f", "1"), ["invalid_rating"]),
    "a hexadecimal rating": (("1", "1", "0x1p1", "1"), ["invalid_rating"]),
    "a rating under half a star": (("1", "1", "0.4", "1"), ["rating_out_of_range"]),
    "a rating over five stars": (("1", "1", "5.5", "1"), ["rating_out_of_range"]),
    "a rating of zero": (("1", "1", "0", "1"), ["rating_out_of_range"]),
    "a negative rating": (("1", "1", "-4.0", "1"), ["rating_out_of_range"]),
    "a rating that overflows a double": (("1", "1", "9" * 400, "1"), ["rating_out_of_range"]),
    "a large rating in exponent notation": (("1", "1", "4e9", "1"), ["rating_out_of_range"]),
    "a rating between half stars": (("1", "1", "3.7", "1"), ["rating_between_half_stars"]),
    "a null timestamp": (("1", "1", "4.0", None), ["invalid_timestamp"]),
    "an empty timestamp": (("1", "1", "4.0", ""), ["invalid_timestamp"]),
    "a timestamp that is a date": (("1", "1", "4.0", "2005-09-06"), ["invalid_timestamp"]),
    "a negative timestamp": (("1", "1", "4.0", "-1"), ["invalid_timestamp"]),
    "a fractional timestamp": (("1", "1", "4.0", "1.5"), ["invalid_timestamp"]),
    "the last second of the year 9999": (("1", "1", "4.0", "253402300799"), ["future_date"]),
    "the first second of the year 10000": (("1", "1", "4.0", "253402300800"), ["invalid_timestamp"]),
    "a timestamp past int64": (("1", "1", "4.0", "9" * 30), ["invalid_timestamp"]),
    "everything wrong": (
        ("x", "", "6", "soon"),
        ["invalid_user_id", "null_movie_id", "rating_out_of_range", "invalid_timestamp"],
    ),
}

# Each accepted row has a user of its own, so that the rows do not meet as duplicates.
ACCEPTED = {
    "a plain row": (("101", "1", "4.0", "1"), (101, 1, 4.0, 1)),
    "spaces around every value": ((" 102 ", " 1", "4.0 ", "  1  "), (102, 1, 4.0, 1)),
    "the largest int32 as ids": (("2147483647", "2147483647", "4.0", "1"), (2147483647, 2147483647, 4.0, 1)),
    "leading zeros": (("00103", "01", "04.0", "01"), (103, 1, 4.0, 1)),
    "a rating in exponent notation": (("104", "1", "45e-1", "1"), (104, 1, 4.5, 1)),
    "a rating with a plus sign": (("105", "1", "+4", "1"), (105, 1, 4.0, 1)),
    "a rating without digits before the point": (("106", "1", ".5", "1"), (106, 1, 0.5, 1)),
    "half a star": (("107", "1", "0.5", "1"), (107, 1, 0.5, 1)),
    "five stars": (("108", "1", "5", "1"), (108, 1, 5.0, 1)),
    "the first second of 1970": (("110", "1", "4.0", "0"), (110, 1, 4.0, 0)),
    "the last second of a year": (("111", "1", "4.0", "1577836799"), (111, 1, 4.0, 1577836799)),
    "the id zero": (("0", "0", "4.0", "1"), (0, 0, 4.0, 1)),
}


@pytest.fixture(scope="module")
def cleaned(raw: Callable[..., Any], cleaned_ratings: Callable[..., Cleaned]) -> Cleaned:
    """All cases cleaned at once; on Spark every query costs a second."""
    cases = [row for row, _ in (*REFUSED.values(), *ACCEPTED.values())]
    return cleaned_ratings(raw(RATINGS, cases), RATINGS, NOW)


@pytest.fixture(scope="module")
def quarantine(cleaned: Cleaned, rows_of: Callable) -> dict[int, dict[str, Any]]:
    return {row["line"]: row for row in rows_of(cleaned.quarantined)}


@pytest.fixture(scope="module")
def silver(cleaned: Cleaned, rows_of: Callable) -> list[dict[str, Any]]:
    return rows_of(cleaned.good)


@pytest.fixture(scope="module")
def clean(raw: Callable[..., Any], cleaned_ratings: Callable[..., Cleaned], rows_of: Callable) -> Callable[..., Any]:
    """Ratings as (user, movie, rating, second) to (their silver rows, [(line, raw, reasons)], exact duplicates)."""

    def run(*rows: tuple[str | None, ...], **provenance: Any) -> tuple[list, list, int]:
        given = raw(RATINGS, rows, **provenance)
        result = cleaned_ratings(given, RATINGS, NOW)
        good = sorted((r["user_id"], r["movie_id"], r["rating"]) for r in rows_of(result.good))
        refused = sorted((r["line"], r["raw"], r["reasons"]) for r in rows_of(result.quarantined))
        return good, refused, exact_duplicates(given, NEEDED, result.quarantined)

    return run


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_rating_is_quarantined_with_every_reason(case: str, quarantine: dict[int, dict[str, Any]]) -> None:
    line = list(REFUSED).index(case) + 2
    assert quarantine[line]["reasons"] == REFUSED[case][1]


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_good_rating_is_read_as_it_was_meant(case: str, silver: list[dict[str, Any]]) -> None:
    user, movie, rating, second = ACCEPTED[case][1]
    [row] = [row for row in silver if row["user_id"] == user]
    assert (row["movie_id"], row["rating"], int(row["rating_ts"].timestamp())) == (movie, rating, second)


def test_a_rating_is_of_the_future_from_a_day_after_now_on(clean: Callable[..., Any]) -> None:
    at, after = (str(int((NOW + CLOCK_SKEW).timestamp()) + seconds) for seconds in (0, 1))
    good, refused, _ = clean(("1", "1", "4.0", at), ("2", "1", "4.0", after))
    assert [user for user, _, _ in good] == [1]
    assert [reasons for _, _, reasons in refused] == [["future_date"]]


def test_nothing_but_the_bad_ratings_is_quarantined(quarantine: dict[int, dict[str, Any]]) -> None:
    assert sorted(quarantine) == list(range(2, len(REFUSED) + 2))


def test_a_quarantined_row_carries_source_line_and_raw_text(quarantine: dict[int, dict[str, Any]]) -> None:
    line = list(REFUSED).index("everything wrong") + 2
    assert quarantine[line]["source"] == "file.csv"
    assert quarantine[line]["line"] == line
    assert quarantine[line]["raw"] == "x,,6,soon"


def test_raw_text_keeps_the_spaces_that_cleaning_trims(quarantine: dict[int, dict[str, Any]]) -> None:
    assert quarantine[list(REFUSED).index("a user id of spaces") + 2]["raw"] == "  ,1,4.0,1"


def test_year_and_month_are_those_of_the_time_in_utc(silver: list[dict[str, Any]]) -> None:
    [last] = [row for row in silver if row["user_id"] == 111]
    assert last["rating_ts"].replace(tzinfo=UTC) == datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert (last["year"], last["month"]) == (2019, 12)
    [first] = [row for row in silver if row["user_id"] == 110]
    assert (first["year"], first["month"]) == (1970, 1)


def test_silver_ratings_have_the_declared_columns(cleaned: Cleaned) -> None:
    assert _columns(schema_of(cleaned.good)) == _columns(SILVER_RATINGS.schema)


def test_quarantined_ratings_have_the_declared_columns(cleaned: Cleaned) -> None:
    assert _columns(schema_of(cleaned.quarantined)) == _columns(QUARANTINE_RATINGS.schema)


def test_a_repeated_row_is_an_exact_duplicate(clean: Callable) -> None:
    assert clean(("1", "1", "4.0", "9"), ("1", "1", "4.0", "9")) == ([(1, 1, 4.0)], [], 1)


def test_rows_written_differently_with_the_same_values_are_exact_duplicates(clean: Callable) -> None:
    assert clean(("1", "1", "4.0", "9"), ("01", " 1", "4", "9")) == ([(1, 1, 4.0)], [], 1)


def test_of_rows_with_one_key_and_different_ratings_the_last_wins(clean: Callable) -> None:
    good, refused, duplicates = clean(("1", "1", "5.0", "9"), ("1", "1", "2.0", "9"))
    assert good == [(1, 1, 2.0)]
    assert refused == [(2, "1,1,5.0,9", ["conflicting_duplicate"])]
    assert duplicates == 0


def test_every_loser_of_a_conflict_is_quarantined_and_repeats_of_the_winner_are_duplicates(clean: Callable) -> None:
    stars = ("2.0", "5.0", "2.0", "3.0", "2.0")
    good, refused, duplicates = clean(*(("1", "1", rating, "9") for rating in stars))
    assert good == [(1, 1, 2.0)]
    assert [line for line, _, _ in refused] == [3, 5]
    assert duplicates == 2


def test_the_last_row_is_the_one_in_the_last_file_whatever_its_line(clean: Callable) -> None:
    rows = (("1", "1", "5.0", "9"), ("1", "1", "2.0", "9"))
    good, refused, _ = clean(*rows, lines=[2, 900], sources=["b.csv", "a.csv"])
    assert good == [(1, 1, 5.0)]
    assert [line for line, _, _ in refused] == [900]


def test_one_pair_rated_at_two_times_is_two_ratings(clean: Callable) -> None:
    good, refused, duplicates = clean(("1", "1", "4.0", "9"), ("1", "1", "2.0", "10"))
    assert good == [(1, 1, 2.0), (1, 1, 4.0)]
    assert (refused, duplicates) == ([], 0)


def test_a_bad_row_never_wins_over_a_good_one(clean: Callable) -> None:
    good, refused, _ = clean(("1", "1", "4.0", "9"), ("1", "1", "6.0", "9"))
    assert good == [(1, 1, 4.0)]
    assert [reasons for _, _, reasons in refused] == [["rating_out_of_range"]]


def test_no_rows_in_no_rows_out(clean: Callable) -> None:
    assert clean() == ([], [], 0)


def _columns(schema: Any) -> list[tuple[str, str]]:
    return [(field.name, field.dataType.simpleString()) for field in schema.fields]
