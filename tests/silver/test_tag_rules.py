"""Which tags are good; repeated tags are kept, because the documents name no key."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reco_assets.silver.quarantine import Cleaned
from reco_assets.silver.tags import clean_tags
from reco_assets.sources import movielens
from reco_assets.sources.layout import RawForm
from reco_assets.tables import QUARANTINE_TAGS, SILVER_TAGS
from resources.tables.writing import schema_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)

TAGS = RawForm(movielens.LAYOUT.tags.fields)

GOOD = [("1", "2", " slow burn ", "1112486027"), ("1", "2", "funny", "1"), ("1", "2", "funny", "1")]
REFUSED = {
    "a null user": ((None, "1", "funny", "1"), ["null_user_id"]),
    "a null movie": (("1", None, "funny", "1"), ["null_movie_id"]),
    "a user past int32": (("2147483648", "1", "funny", "1"), ["invalid_user_id"]),
    "a null tag": (("1", "1", None, "1"), ["null_tag"]),
    "an empty tag": (("1", "1", "", "1"), ["null_tag"]),
    "a tag of spaces": (("1", "1", "  ", "1"), ["null_tag"]),
    "a bad time": (("1", "1", "funny", "now"), ["invalid_timestamp"]),
    "a time after the year 9999": (("1", "1", "funny", "253402300800"), ["invalid_timestamp"]),
    "everything wrong": (
        ("x", "-1", None, None),
        ["invalid_user_id", "invalid_movie_id", "null_tag", "invalid_timestamp"],
    ),
}


@pytest.fixture(scope="module")
def cleaned(raw: Callable[..., Any]) -> Cleaned:
    return clean_tags(raw(TAGS, [*GOOD, *(row for row, _ in REFUSED.values())]), TAGS, NOW)


@pytest.fixture(scope="module")
def silver(cleaned: Cleaned, rows_of: Callable) -> list[dict[str, Any]]:
    return sorted(rows_of(cleaned.good), key=lambda row: row["tag"])


def test_a_tag_is_trimmed_and_dated(silver: list[dict[str, Any]]) -> None:
    expected = {"user_id": 1, "movie_id": 2, "tag": "slow burn", "year": 2005, "month": 4}
    moment = datetime(2005, 4, 2, 23, 53, 47, tzinfo=UTC)
    assert silver[-1] | {"tag_ts": silver[-1]["tag_ts"].replace(tzinfo=UTC)} == expected | {"tag_ts": moment}


def test_a_repeated_tag_is_kept(silver: list[dict[str, Any]]) -> None:
    assert [row["tag"] for row in silver] == ["funny", "funny", "slow burn"]


def test_each_bad_tag_is_quarantined_with_every_reason(cleaned: Cleaned, rows_of: Callable) -> None:
    rows = sorted(rows_of(cleaned.quarantined), key=lambda row: row["line"])
    assert [row["reasons"] for row in rows] == [reasons for _, reasons in REFUSED.values()]
    assert [row["line"] for row in rows] == list(range(5, 5 + len(REFUSED)))


def test_silver_tags_have_the_declared_columns(cleaned: Cleaned) -> None:
    assert _columns(schema_of(cleaned.good)) == _columns(SILVER_TAGS.schema)


def test_quarantined_tags_have_the_declared_columns(cleaned: Cleaned) -> None:
    assert _columns(schema_of(cleaned.quarantined)) == _columns(QUARANTINE_TAGS.schema)


def _columns(schema: Any) -> list[tuple[str, str]]:
    return [(field.name, field.dataType.simpleString()) for field in schema.fields]
