"""Each source through the asset graph as far as the split, and damaged rows into quarantine, on either engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import ETL, FUTURES
from reco_assets.runner.run import RunFailedError, materialize_assets
from reco_assets.silver import raw_rows
from resources.engine import Engine
from resources.settings import load_settings
from resources.tables import lakehouse as lakehouses
from resources.tables.lakehouse import Lakehouse

MakeLakehouse = Callable[..., Lakehouse]

RATINGS = """userId,movieId,rating,timestamp
1,10,4.0,1000000000
1,10,4.0,1000000000
1,20,3.0,1000000001
1,20,5.0,1000000001
2,10,9.5,1000000002
two,10,3.0,1000000003
3000000000,10,3.0,1000000004
2,20,NaN,1000000005
2,99,2.5,1000000006
3,,2.5,1000000007
3,10,2.5,yesterday
"""
MOVIES = 'movieId,title,genres\n10,"Postman, The (1997)",Comedy|Drama\n20,Untitled,\n,Nobody (1999),Drama\n'
BLOCKS = "10:\n1,4,2005-01-01\n2,5,2005-01-02\n20:\n1,3,2005-02-30\n3,2,2005-03-01\n"


def rows(lakehouse: Lakehouse, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lakehouse.dataset(table).to_table().to_pylist()
    return found


def movielens(folder: Path, ratings: str = RATINGS, movies: str = MOVIES) -> Path:
    folder.mkdir()
    (folder / "ratings.csv").write_text(ratings)
    (folder / "movies.csv").write_text(movies)
    return folder


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Lakehouse:
    """The lakehouse that RATINGS and MOVIES, with all that is wrong with them, came to."""
    folder = tmp_path_factory.mktemp("damaged")
    source = movielens(folder / "raw")
    lakehouse = Lakehouse(
        load_settings(lakehouse_path=folder / "lake", reco_source_path=source, test_fraction=0.5), engine
    )
    materialize_assets(build_definitions, lakehouse.settings, ETL)
    return lakehouse


@pytest.mark.both_engines
def test_every_damaged_row_is_in_quarantine_with_its_line_its_text_and_its_reason(damaged: Lakehouse) -> None:
    found = {row["line"]: row for row in rows(damaged, "silver/quarantine_ratings")}
    assert {line: row["reasons"] for line, row in found.items()} == {
        4: ["conflicting_duplicate"],
        6: ["rating_out_of_range"],
        7: ["invalid_user_id"],
        8: ["invalid_user_id"],
        9: ["invalid_rating"],
        11: ["null_movie_id"],
        12: ["invalid_timestamp"],
    }
    assert found[7]["raw"] == "two,10,3.0,1000000003"
    assert found[7]["source"] == "ratings.csv"


@pytest.mark.both_engines
def test_rows_are_conserved_and_the_report_says_so(damaged: Lakehouse) -> None:
    reports = damaged.path("silver/_reports")
    summary = json.loads(next(reports.glob("etl_bronze_to_silver_report_*.json")).read_text())
    assert summary["tables"]["ratings"] == {
        "rows_in": 11,
        "silver": 3,
        "quarantined": 7,
        "exact_duplicates": 1,
        "conserved": True,
    }
    assert {path.name.rsplit("_", 2)[0] for path in reports.glob("quality_*.json")} == {
        "quality_ratings",
        "quality_movies",
        "quality_tags",
    }


@pytest.mark.both_engines
def test_a_title_without_a_year_is_kept_and_a_movie_without_an_id_is_not(damaged: Lakehouse) -> None:
    movies = {row["movie_id"]: row for row in rows(damaged, "silver/movies")}
    assert movies[10]["title"] == "Postman, The (1997)"
    assert movies[10]["genres"] == ["Comedy", "Drama"]
    assert movies[10]["release_year"] == 1997
    assert movies[20]["release_year"] is None
    assert [row["reasons"] for row in rows(damaged, "silver/quarantine_movies")] == [["null_movie_id"]]


def test_what_memory_is_too_small_for_goes_through_the_engine_to_the_same_rows(
    damaged: Lakehouse, make_lakehouse: MakeLakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lakehouses, "memory_bytes", lambda: 0)
    monkeypatch.setattr(raw_rows, "clean_ratings", None)
    lakehouse = make_lakehouse(reco_source_path=movielens(tmp_path / "raw"), test_fraction=0.5)
    materialize_assets(build_definitions, lakehouse.settings, ETL)
    for table in ("silver/ratings", "silver/quarantine_ratings", "silver/split_ratings"):
        assert sorted(map(str, rows(lakehouse, table))) == sorted(map(str, rows(damaged, table)))


def test_a_run_without_a_test_rating_goes_on_with_a_warning_that_names_the_table(
    make_lakehouse: MakeLakehouse, tmp_path: Path
) -> None:
    lakehouse = make_lakehouse(reco_source_path=movielens(tmp_path / "raw"))
    outcome = materialize_assets(build_definitions, lakehouse.settings, ETL)
    warned = [found for found in outcome.checks if found.asset == "silver/test_ratings" and not found.passed]
    assert [found.is_error for found in warned] == [False]


@pytest.mark.both_engines
def test_netflix_text_gives_ratings_movies_and_impossible_dates_in_quarantine(
    make_lakehouse: MakeLakehouse, tmp_path: Path
) -> None:
    (tmp_path / "combined_data_1.txt").write_text(BLOCKS)
    (tmp_path / "movie_titles.csv").write_bytes("10,1994,Café, Le\n20,NULL,Unknown\n".encode("latin-1"))
    lakehouse = make_lakehouse(reco_source="netflix", reco_source_path=tmp_path, test_fraction=0.0, future_fraction=0.0)
    materialize_assets(build_definitions, lakehouse.settings, ETL)
    assert {(row["user_id"], row["movie_id"]) for row in rows(lakehouse, "silver/ratings")} == {
        (1, 10),
        (2, 10),
        (3, 20),
    }
    assert [(row["line"], row["reasons"]) for row in rows(lakehouse, "silver/quarantine_ratings")] == [
        (5, ["invalid_timestamp"])
    ]
    movies = {row["movie_id"]: (row["title"], row["release_year"]) for row in rows(lakehouse, "silver/movies")}
    assert movies == {10: ("Café, Le", 1994), 20: ("Unknown", None)}


@pytest.mark.both_engines
def test_ratings_that_come_split_stay_as_delivered(make_lakehouse: MakeLakehouse, tmp_path: Path) -> None:
    combined = tmp_path / "combined"
    combined.mkdir()
    (combined / "train.txt").write_text("10:\n1,4,2005-01-01\n2,5,2005-01-02\n")
    (combined / "test.txt").write_text("10:\n3,4,2004-01-01\n1,2,2006-01-01\n")
    (combined / "future.txt").write_text("20:\n1,1,2003-01-01\n")
    lakehouse = make_lakehouse(reco_source="presplit", reco_source_path=tmp_path)
    materialize_assets(build_definitions, lakehouse.settings, (*ETL, *FUTURES))
    sides = {
        side: sorted((row["user_id"], row["movie_id"]) for row in rows(lakehouse, f"silver/{side}_ratings"))
        for side in ("train", "test", "future")
    }
    # User 1 rated movie 10 in both files: the pair is trained on, so it is not tested on.
    assert sides == {"train": [(1, 10), (1, 10), (2, 10)], "test": [(3, 10)], "future": [(1, 20)]}
    assert lakehouse.path("processed/future.csv").read_text().splitlines() == [
        "DATE,CUST_ID,MOVIE_ID,RATING",
        "2003-01-01 00:00:00,1,20,1",
    ]


def test_a_refused_file_leaves_every_table_as_it_was(make_lakehouse: MakeLakehouse, tmp_path: Path) -> None:
    folder = movielens(tmp_path / "raw")
    lakehouse = make_lakehouse(reco_source_path=folder, test_fraction=0.5)
    materialize_assets(build_definitions, lakehouse.settings, ETL)
    before = {str(path): lakehouse.version(path) for path in ("bronze/ratings", "bronze/movies", "silver/movies")}
    (folder / "movies.csv").write_text(MOVIES + "30,New (2020),Drama\n")
    (folder / "ratings.csv").write_text(RATINGS + '4,10,"4.0,1000000000\n')
    with pytest.raises(RunFailedError, match=r"ratings\.csv, line 13"):
        materialize_assets(build_definitions, lakehouse.settings, ETL)
    assert {path: lakehouse.version(path) for path in before} == before
