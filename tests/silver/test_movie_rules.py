"""Which movies are good, what is read from a title, and which of several rows with one id is kept."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reco_assets.quality.exact_duplicates import exact_duplicates
from reco_assets.silver.movies import SAID, clean_movies, what_movies_say
from reco_assets.silver.quarantine import Cleaned
from reco_assets.sources import movielens, netflix
from reco_assets.sources.layout import RawForm
from reco_assets.tables import QUARANTINE_MOVIES, SILVER_MOVIES
from resources.tables.writing import schema_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MOVIES, TITLES = RawForm(movielens.LAYOUT.movies.fields), RawForm(netflix.LAYOUT.movies.fields)

YEARS = {
    "Toy Story (1995)": 1995,
    "Toy Story (1995)   ": 1995,
    "Toy Story (1995)\t": 1995,
    "Babylon 5": None,
    "Death Note (2006\u20132007)": None,
    "Death Note (2006-2007)": None,
    "Fawlty Towers (1975-)": None,
    "2001": None,
    "1984 (1956)": 1956,
    "(1995) Toy Story": None,
    "Toy Story (1995) (1996)": 1996,
    "Toy Story (95)": None,
    "Toy Story (1995": None,
    "Toy Story (\u0661\u0669\u0669\u0665)": None,
}
REFUSED = {
    "a null id": ((None, "A (2000)", "Drama"), ["null_movie_id"]),
    "an empty id": (("", "A (2000)", "Drama"), ["null_movie_id"]),
    "an id that is a word": (("abc", "A (2000)", "Drama"), ["invalid_movie_id"]),
    "a negative id": (("-7", "A (2000)", "Drama"), ["invalid_movie_id"]),
    "an id past int32": (("2147483648", "A (2000)", "Drama"), ["invalid_movie_id"]),
    "a null title": (("9001", None, "Drama"), ["null_title"]),
    "an empty title": (("9002", "", "Drama"), ["null_title"]),
    "a title of spaces": (("9003", "   ", "Drama"), ["null_title"]),
    "neither id nor title": ((None, None, None), ["null_movie_id", "null_title"]),
}


@pytest.fixture(scope="module")
def cleaned(raw: Callable[..., Any]) -> Cleaned:
    titles = [(str(number), title, "Drama|Sci-Fi") for number, title in enumerate(YEARS)]
    return clean_movies(raw(MOVIES, [*titles, *(row for row, _ in REFUSED.values())]), MOVIES, NOW)


@pytest.fixture(scope="module")
def silver(cleaned: Cleaned, rows_of: Callable) -> dict[int, dict[str, Any]]:
    return {row["movie_id"]: row for row in rows_of(cleaned.good)}


@pytest.fixture(scope="module")
def quarantine(cleaned: Cleaned, rows_of: Callable) -> list[dict[str, Any]]:
    return sorted(rows_of(cleaned.quarantined), key=lambda row: row["line"])


@pytest.fixture(scope="module")
def clean(raw: Callable[..., Any], rows_of: Callable) -> Callable[..., tuple[dict, list, int]]:
    """Movies to ({id: silver row}, [(line, raw, reasons)], exact duplicates)."""

    def run(*rows: tuple[str | None, ...], form: RawForm = MOVIES) -> tuple[dict, list, int]:
        given = raw(form, rows)
        result = clean_movies(given, form, NOW)
        good = {row["movie_id"]: row for row in rows_of(result.good)}
        refused = sorted((r["line"], r["raw"], r["reasons"]) for r in rows_of(result.quarantined))
        return good, refused, exact_duplicates(what_movies_say(given, form), ("movie_id", *SAID), result.quarantined)

    return run


@pytest.mark.parametrize("title", YEARS)
def test_the_release_year_is_four_digits_in_brackets_at_the_end(title: str, silver: dict[int, dict]) -> None:
    assert silver[list(YEARS).index(title)]["release_year"] == YEARS[title]


def test_a_title_keeps_its_year(silver: dict[int, dict]) -> None:
    assert silver[0]["title"] == "Toy Story (1995)"


def test_genres_are_kept_as_text_and_split_into_an_array(silver: dict[int, dict]) -> None:
    assert silver[0]["genres_string"] == "Drama|Sci-Fi"
    assert silver[0]["genres"] == ["Drama", "Sci-Fi"]


def test_each_bad_movie_is_quarantined_with_every_reason(quarantine: list[dict]) -> None:
    assert [row["reasons"] for row in quarantine] == [reasons for _, reasons in REFUSED.values()]


def test_a_quarantined_movie_carries_source_line_and_raw_text(quarantine: list[dict]) -> None:
    first = quarantine[0]
    assert (first["source"], first["line"], first["raw"]) == ("file.csv", len(YEARS) + 2, ",A (2000),Drama")


def test_silver_movies_have_the_declared_columns(cleaned: Cleaned) -> None:
    assert _columns(schema_of(cleaned.good)) == _columns(SILVER_MOVIES.schema)


def test_quarantined_movies_have_the_declared_columns(cleaned: Cleaned) -> None:
    assert _columns(schema_of(cleaned.quarantined)) == _columns(QUARANTINE_MOVIES.schema)


def test_a_movie_without_genres_is_listed_under_none(clean: Callable) -> None:
    good, _, _ = clean(("1", "A (2000)", None))
    assert good[1]["genres_string"] == "(no genres listed)"
    assert good[1]["genres"] == ["(no genres listed)"]


def test_of_a_movie_listed_twice_the_last_row_wins(clean: Callable) -> None:
    good, refused, duplicates = clean(("1", "A (2000)", "Drama"), ("1", "A (2001)", "Drama"))
    assert good[1]["title"] == "A (2001)"
    assert refused == [(2, "1,A (2000),Drama", ["conflicting_duplicate"])]
    assert duplicates == 0


def test_a_movie_listed_twice_in_the_same_words_is_an_exact_duplicate(clean: Callable) -> None:
    good, refused, duplicates = clean(("1", "A (2000)", "Drama"), ("1", "A (2000)", "Drama"))
    assert (len(good), refused, duplicates) == (1, [], 1)


def test_a_netflix_movie_takes_its_year_from_its_column(clean: Callable) -> None:
    good, _, _ = clean(("1", "2003", "Dinosaur Planet"), ("2", "NULL", "Lost"), form=TITLES)
    assert good[1]["release_year"] == 2003
    assert good[2]["release_year"] is None


def test_a_netflix_movie_listed_with_and_without_a_year_is_a_conflict(clean: Callable) -> None:
    rows = (("1", None, "Lost"), ("1", "2003", "Lost"))
    good, refused, duplicates = clean(*rows, form=TITLES)
    assert good[1]["release_year"] == 2003
    assert [reasons for _, _, reasons in refused] == [["conflicting_duplicate"]]
    assert duplicates == 0


def _columns(schema: Any) -> list[tuple[str, str]]:
    return [(field.name, field.dataType.simpleString()) for field in schema.fields]
