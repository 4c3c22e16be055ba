"""Netflix rows in the platform's own columns: dates become seconds, and what is no date becomes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reco_assets.silver.ratings import clean_ratings
from reco_assets.sources import netflix
from reco_assets.sources.layout import RawForm

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RATINGS = RawForm(netflix.LAYOUT.ratings.fields, whole_stars="")

DATES = {
    "2005-09-06": 1125964800,
    " 2005-09-06 ": 1125964800,
    "1970-01-01": 0,
    "2004-02-29": 1078012800,
    "2019-12-31": 1577750400,
    "2005-02-29": None,
    "2005-02-31": None,
    "2005-13-01": None,
    "2005-00-10": None,
    "2005-9-6": None,
    "05-09-06": None,
    "2005/09/06": None,
    "2005-09-06 10:00:00": None,
    "10000-01-01": None,
    "0000-01-01": None,
    "1969-12-31": None,
    "20050906": None,
    "1125964800": None,
    "\u0662\u0660\u0660\u0665-09-06": None,
    "yesterday": None,
    "": None,
    None: None,
}


@pytest.fixture(scope="module")
def outcomes(raw: Callable[..., Any], rows_of: Callable) -> dict[int, Any]:
    """For the user of each date: the second it became, or the reasons it was refused for."""
    rows = [("1", str(user), "4", date) for user, date in enumerate(DATES)]
    cleaned = clean_ratings(raw(RATINGS, rows), RATINGS, NOW)
    good = {row["user_id"]: int(row["rating_ts"].timestamp()) for row in rows_of(cleaned.good)}
    return good | {row["line"] - 2: row["reasons"] for row in rows_of(cleaned.quarantined)}


@pytest.mark.parametrize("date", DATES)
def test_a_netflix_date_is_midnight_in_utc_or_an_invalid_timestamp(date: str | None, outcomes: dict[int, Any]) -> None:
    expected = DATES[date]
    assert outcomes[list(DATES).index(date)] == (["invalid_timestamp"] if expected is None else expected)


def test_raw_text_has_the_netflix_columns_in_their_order(raw: Callable[..., Any]) -> None:
    cleaned = clean_ratings(raw(RATINGS, [("8", "1488844", "3", "2100-09-06")]), RATINGS, NOW)
    assert cleaned.quarantined["raw"].to_pylist() == ["8,1488844,3,2100-09-06"]
