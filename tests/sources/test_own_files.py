"""Own files are read by a description of them: columns, separator, header, scale and times."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.sources.choose import choose_source, in_words
from reco_assets.sources.columns import parsed, source
from reco_assets.sources.convert import parsed_scale, seconds_of, stars_of
from reco_assets.sources.ids import Ids
from reco_assets.sources.source import RawTable, Source, SourceError, read_raw
from reco_assets.vocabulary import ALLOWED_RATINGS
from resources.settings import load_settings

SEMICOLONS = """
ratings:
  file: scores.csv
  separator: ";"
  columns: {user_id: who, movie_id: film, rating: score, timestamp: when}
  time: iso
  scale: 1-10
movies:
  file: films.csv
  columns: {movie_id: id, title: name, genres: kinds, year: year}
  genres_separator: ","
"""


def rows(table: RawTable) -> list[dict[str, Any]]:
    return read_raw(table).read_all().drop_columns(["_line", "_source_file", "_loaded_ts"]).to_pylist()


def ratings(folder: Path, text: str, said: str) -> list[tuple[Any, ...]]:
    """User, movie, stars, time and the kept line of each row of scores.csv, as it is described."""
    (folder / "scores.csv").write_text(text)
    return [tuple(row.values()) for row in rows(source(folder, f"ratings: {{file: scores.csv, {said}}}").ratings)]


def test_columns_in_any_order_with_another_scale_and_times_become_the_platforms(tmp_path: Path) -> None:
    (tmp_path / "columns.yaml").write_text(SEMICOLONS)
    (tmp_path / "scores.csv").write_text('when;"film";who;more;score\n2001-09-09T03:46:40+02:00;"10";1;x;7\n')
    (tmp_path / "films.csv").write_text('id,name,kinds,year\n10,"Heat, the film","Crime, Drama",1995\n')
    settings = load_settings(lakehouse_path=tmp_path / "lake", reco_source_path=tmp_path)
    assert in_words(settings) == f"columns ({tmp_path}); 1-10 read as 0.5-5 stars"
    read = choose_source(settings)
    plain = {"_rescued": None}
    assert rows(read.ratings) == [{"user_id": 1, "movie_id": 10, "rating": 3.5, "timestamp": 1_000_000_000} | plain]
    assert rows(read.movies) == [
        {"movie_id": 10, "title": "Heat, the film", "genres": "Crime|Drama", "year": 1995} | plain
    ]
    assert rows(read.tags) == []


def test_a_file_without_a_header_is_read_by_places(tmp_path: Path) -> None:
    said = "header: false, separator: tab, columns: {rating: 1, user_id: 3, movie_id: 2}"
    assert ratings(tmp_path, "4.5\t10\t1\n3\t20\t2\n", said) == [(1, 10, 4.5, 0, None), (2, 20, 3.0, 0, None)]


def test_parquet_is_read_by_names(tmp_path: Path) -> None:
    pq.write_table(pa.table({"who": [1], "what": [2], "liked": [True]}), tmp_path / "likes.parquet")
    said = "ratings: {file: likes.parquet, columns: {user_id: who, movie_id: what, rating: liked}, scale: thumbs}"
    assert rows(source(tmp_path, said).ratings)[0]["rating"] == 5.0


@pytest.mark.parametrize(
    ("scale", "told", "stars"),
    [
        ("stars", "4", "4"),
        ("1-5", "4", "4"),
        ("1-10", "1", "0.5"),
        ("1-10", "7", "3.5"),
        ("0-10", "0", "0.5"),
        ("0-10", "5", "3.0"),
        ("0-10", "10", "5.0"),
        ("0-100", "86.5", "4.5"),
        ("-10 to 10", "0", "3.0"),
        ("thumbs", "Up", "5.0"),
        ("thumbs", "-1", "0.5"),
        ("1-10", "11", "11 (not of 1-10)"),
        ("10-100", "3", "3 (not of 10-100)"),
        ("thumbs", "3", "3 (not of thumbs)"),
        ("1-10", "good", "good (not of 1-10)"),
    ],
)
def test_a_scale_becomes_stars_and_what_is_not_of_it_none(scale: str, told: str, stars: str) -> None:
    assert stars_of(pa.array([told, None]), scale).to_pylist() == [stars, None]


@given(st.integers(-50, 50), st.integers(1, 100), st.data())
def test_the_better_rating_never_has_fewer_stars(low: int, width: int, data: st.DataObject) -> None:
    convert = parsed_scale(f"{low} to {low + width}")
    assert convert is not None
    worse, better = sorted(data.draw(st.tuples(st.integers(low, low + width), st.integers(low, low + width))))
    stars = [float(convert(str(one)) or "nan") for one in (low, worse, better, low + width)]
    assert stars == sorted(stars)
    assert (stars[0], stars[-1]) == (0.5, 5.0)
    assert set(stars) <= set(ALLOWED_RATINGS)


@pytest.mark.parametrize(
    ("written", "told", "second"),
    [
        ("seconds", "1000000000", "1000000000"),
        ("milliseconds", "1000000000999", "1000000000"),
        ("milliseconds", "-5", "-5 (not of milliseconds)"),
        ("iso", "2001-09-09", "999993600"),
        ("iso", "2001-09-09 01:46:40", "1000000000"),
        ("iso", "2001-09-09T01:46:40.5Z", "1000000000"),
        ("%d.%m.%Y %H:%M", "09.09.2001 01:46", "999999960"),
        ("%d.%m.%Y", "31.02.2001", "31.02.2001 (not of %d.%m.%Y)"),
        ("iso", "1000000000", "1000000000 (not of ISO 8601)"),
    ],
)
def test_times_become_unix_seconds_and_others_none(written: str, told: str, second: str) -> None:
    assert seconds_of(pa.array([told]), written).to_pylist() == [second]


def test_a_row_that_does_not_fit_keeps_its_text(tmp_path: Path) -> None:
    said = "columns: {user_id: u, movie_id: m, rating: r}, scale: 1-10"
    assert ratings(tmp_path, "u,m,r\n1,2,11\n1,2,\n", said) == [
        (1, 2, None, 0, "1,2,11 (not of 1-10),0"),
        (1, 2, None, 0, "1,2,,0"),
    ]


@pytest.mark.parametrize(
    ("said", "line", "rule"),
    [
        (
            "ratings:\n  file: a\n  columns: {user_id: u, movie_id: m}",
            None,
            "columns of ratings must say which one is rating",
        ),
        (
            "ratings:\n  file: a\n  scale: 9-1\n  columns: {}",
            3,
            "ratings.scale: scale must be stars, thumbs, or",
        ),
        ("ratings:\n  file: a\n  columns:\n    {user: u}", 4, "ratings.columns.user: input should be 'user_id'"),
        ("ratings:\n  file: ../a\n  columns: {}", 2, "ratings.file: file must be the name of a file in"),
        ("ratings:\n  file: train.txt\n  columns: {}", 2, "ratings.file: file must not be one of train.txt"),
        ("ratings:\n  columns: {}\n  speed: 3\n  file: a", 3, "ratings.speed: no such setting"),
        ("ratings:\n  file: a\n  time: soon\n  columns: {}", 3, "ratings.time: time must be seconds"),
        ("ratings:\n  file: a\n  separator: x\n  columns: {}", 3, "ratings.separator: separator must be 'tab'"),
        ("ratings: x", 1, "ratings: must say file and columns of a table"),
        (
            "ratings:\n  file: a\n  columns: {user_id: on}",
            3,
            "ratings.columns.user_id: must be a column's name, in quotes",
        ),
        ("movies: {}\n", None, "ratings: must be there"),
        ("ratings: {\n", 2, "no YAML: "),
        ("[1]", None, "must name ratings, and may name movies and tags"),
    ],
)
def test_a_bad_description_gets_one_line_with_its_place_and_rule(said: str, line: int | None, rule: str) -> None:
    where = f"columns.yaml, line {line}" if line else "columns.yaml"
    with pytest.raises(SourceError, match=rf"^{re.escape(f'{where}: {rule}')}"):
        parsed(said, "columns.yaml")


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (
            "columns: {user_id: u, movie_id: m, rating: stars}",
            r"line 1: the header has no column 'stars'; parted by ',' ",
        ),
        (
            "columns: {user_id: u, movie_id: m, rating: r}, separator: ';'",
            r"no column 'u'; parted by ';' it names u,m,r",
        ),
        (
            "columns: {user_id: 1, movie_id: 2, rating: 4}",
            r"column 4 is asked for, and the first line has 3, parted by ','",
        ),
        ("columns: {user_id: 1, movie_id: 2, rating: 3}", r"line 3: 2 fields where the first line has 3"),
    ],
)
def test_a_description_that_the_file_does_not_fit_is_answered_with_its_first_line(
    tmp_path: Path, said: str, rule: str
) -> None:
    with pytest.raises(SourceError, match=rule):
        ratings(tmp_path, "u,m,r\n1,2,3\n1,2\n", said)


def numbered(folder: Path, known: Ids, lines: str) -> tuple[Source, Ids]:
    (folder / "scores.csv").write_text(f"who,film,stars\n{lines}")
    (folder / "films.csv").write_text("film,name\nzebra,Zebra\n")
    said = (
        "{ratings: {file: scores.csv, columns: {user_id: who, movie_id: film, rating: stars}}, "
        "movies: {file: films.csv, columns: {movie_id: film, title: name}}}"
    )
    number = source(folder, said).numbered
    assert number is not None
    return number(known)


def test_ids_that_are_text_are_numbered_the_same_in_every_load(tmp_path: Path) -> None:
    read, ids = numbered(tmp_path, Ids(), "bob,heat,4\n ann ,jaws,3\nbob,jaws,2\n,jaws,2\n")
    assert [(row["user_id"], row["movie_id"]) for row in rows(read.ratings)] == [(2, 1), (1, 2), (2, 2), (None, 2)]
    assert rows(read.movies)[0]["movie_id"] == 3
    read, later = numbered(tmp_path, ids, "aaa,alien,4\nann,heat,3\nbob,heat,2\n")
    assert [(row["user_id"], row["movie_id"]) for row in rows(read.ratings)] == [(3, 4), (1, 1), (2, 1)]
    assert {name: texts.to_pylist() for name, texts in later.texts.items()} == {
        "user_id": ["ann", "bob", "aaa"],
        "movie_id": ["heat", "jaws", "zebra", "alien"],
    }


def test_the_order_of_rows_changes_no_id(tmp_path: Path) -> None:
    _, first = numbered(tmp_path, Ids(), "bob,heat,4\nann,jaws,3\n")
    _, second = numbered(tmp_path, Ids(), "ann,jaws,3\nbob,heat,4\n")
    assert first == second


def test_numbers_that_are_too_large_are_text_and_a_few_bad_ids_are_not(tmp_path: Path) -> None:
    _, ids = numbered(tmp_path, Ids(), "76561198000000001,1,4\n76561198000000002,2,3\n5,oops,4\n")
    assert ids.texts.keys() == {"user_id"}
