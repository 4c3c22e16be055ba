"""MovieLens's other releases, and its tables in Parquet, are read as they are."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.sources.choose import in_words
from reco_assets.sources.movielens import source
from reco_assets.sources.source import RawTable, SourceError, read_raw
from resources.settings import load_settings

Rows = Callable[[RawTable], list[dict[str, Any]]]
FLAGS = "|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|1|0|0"


def typed(table: RawTable) -> list[dict[str, Any]]:
    rows = read_raw(table).read_all()
    assert rows["_rescued"].null_count == len(rows)
    return rows.drop_columns(["_rescued", "_line", "_source_file", "_loaded_ts"]).to_pylist()


def rating(user: int, movie: int, stars: float, time: int) -> dict[str, Any]:
    return {"user_id": user, "movie_id": movie, "rating": stars, "timestamp": time}


def movie(number: int, title: str, genres: str | None) -> dict[str, Any]:
    return {"movie_id": number, "title": title, "genres": genres, "year": None}


def test_100ks_tabs_and_bars_are_read(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n186\t302\t4\t891717742\n")
    line = f"242|Mad L'\xe9t\xe9 (1995)|01-Jan-1995||http://x{FLAGS}\n302|None|01-Jan-1995||{'|0' * 19}\n"
    (tmp_path / "u.item").write_text(line, encoding="latin-1")
    read = source(tmp_path)
    assert typed(read.ratings) == [rating(196, 242, 3.0, 881250949), rating(186, 302, 4.0, 891717742)]
    assert typed(read.movies) == [movie(242, "Mad L'\xe9t\xe9 (1995)", "Action|Thriller"), movie(302, "None", None)]


def test_double_colons_are_read(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n1::661::3.5::978302109\n")
    (tmp_path / "movies.dat").write_text('661::Alien: "Two", 3 (1986)::Sci-Fi|Horror\n')
    (tmp_path / "tags.dat").write_text("1::661::loud::978302109\n")
    read = source(tmp_path)
    assert typed(read.ratings) == [rating(1, 1193, 5.0, 978300760), rating(1, 661, 3.5, 978302109)]
    assert typed(read.movies) == [movie(661, 'Alien: "Two", 3 (1986)', "Sci-Fi|Horror")]
    assert typed(read.tags) == [{"user_id": 1, "movie_id": 661, "tag": "loud", "timestamp": 978302109}]


def test_a_line_with_more_fields_is_named(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::2::5::978300760\n1::2::5::978300760::9\n")
    (tmp_path / "movies.dat").write_text("2::Heat::Crime\n")
    with pytest.raises(SourceError, match=r"ratings\.dat, line 2: 5 fields where the first line has 4"):
        read_raw(source(tmp_path).ratings).read_all()


@pytest.mark.parametrize("times", ["numbers", "moments"])
def test_parquet_is_read_with_movielenss_names_or_the_platforms(tmp_path: Path, times: str) -> None:
    moment = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    at = pa.array([moment], pa.timestamp("us", tz="Europe/Berlin")) if times == "moments" else pa.array([1e9])
    ratings = {"userId": pa.array([1]), "movie_id": pa.array([10], pa.int32()), "rating": pa.array([3.5])}
    pq.write_table(pa.table({**ratings, "timestamp": at}), tmp_path / "ratings.parquet")
    films = {"movieId": [10], "title": ["Heat (1995)"], "genres": [["Crime", "Drama"]], "more": [1]}
    pq.write_table(pa.table(films), tmp_path / "movies.parquet")
    read = source(tmp_path)
    assert typed(read.ratings) == [rating(1, 10, 3.5, 1_000_000_000)]
    assert typed(read.movies) == [movie(10, "Heat (1995)", "Crime|Drama")]


def test_parquet_without_a_needed_column_is_refused_with_those_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": [1], "movieId": [2]}), tmp_path / "ratings.parquet")
    with pytest.raises(SourceError, match=r"no column userId or user_id among user, movieId\. Describe the file in"):
        source(tmp_path)


def test_ratings_without_times_are_all_of_one_moment_and_that_is_said(tmp_path: Path) -> None:
    pq.write_table(pa.table({"userId": [1], "movieId": [2], "rating": [4.0]}), tmp_path / "ratings.parquet")
    pq.write_table(pa.table({"movieId": [2], "title": ["Heat"]}), tmp_path / "movies.parquet")
    assert typed(source(tmp_path).ratings) == [rating(1, 2, 4.0, 0)]
    words = in_words(load_settings(lakehouse_path=tmp_path / "lake", reco_source_path=tmp_path))
    assert words == f"movielens ({tmp_path}); ratings without times are all of 1970-01-01"
