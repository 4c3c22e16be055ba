"""Packed files are read as they are."""

import gzip
import zipfile
from pathlib import Path

import pytest

from reco_assets.sources import netflix, presplit
from reco_assets.sources.movielens import source
from reco_assets.sources.packed import found, opened
from reco_assets.sources.recognise import advice_on
from reco_assets.sources.source import SourceError, read_raw

RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,1000000000\n"
MOVIES = "movieId,title,genres\n10,Heat (1995),Crime\n"


def zipped(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), text)
    return path


def gzipped(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


def rows(folder: Path) -> tuple[int, int]:
    made = source(folder)
    return read_raw(made.ratings).read_all().num_rows, read_raw(made.movies).read_all().num_rows


def test_files_packed_by_gzip_are_read(tmp_path: Path) -> None:
    gzipped(tmp_path / "ratings.csv.gz", RATINGS)
    gzipped(tmp_path / "movies.csv.gz", MOVIES)
    assert rows(tmp_path) == (1, 1)


def test_a_zip_beside_or_named_after_each_file_is_read(tmp_path: Path) -> None:
    zipped(tmp_path / "ratings.csv.zip", any_name_csv=RATINGS)
    (tmp_path / "movies.csv").write_text(MOVIES)
    assert rows(tmp_path) == (1, 1)


@pytest.mark.parametrize("named", [True, False], ids=["the zip", "its folder"])
def test_a_release_is_read_from_its_zip(tmp_path: Path, named: bool) -> None:
    archive = zipped(tmp_path / "ml.zip", ml__ratings_csv=RATINGS, ml__movies_csv=MOVIES)
    assert rows(archive if named else tmp_path) == (1, 1)
    assert source(tmp_path).files == (archive, tmp_path / "tags.csv")


def test_a_zip_named_after_a_file_must_have_that_one_alone(tmp_path: Path) -> None:
    zipped(tmp_path / "ratings.csv.zip", a=RATINGS, b=RATINGS)
    with pytest.raises(SourceError, match=r"ratings\.csv\.zip: a zip named after one file, with 2 in it"):
        found(tmp_path, "ratings.csv")


@pytest.mark.parametrize("cut", [12, 60], ids=["its head", "its middle"])
def test_a_damaged_file_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "ratings.csv.gz"
    gzipped(path, RATINGS)
    path.write_bytes(path.read_bytes()[:cut])
    with (
        pytest.raises(SourceError, match=r"ratings\.csv\.gz: what is packed there can't be read"),
        opened(path) as handle,
    ):
        handle.read()


def test_a_plain_file_goes_before_a_packed_one(tmp_path: Path) -> None:
    gzipped(tmp_path / "ratings.csv.gz", RATINGS)
    (tmp_path / "ratings.csv").write_text(RATINGS)
    assert found(tmp_path, "ratings.csv") == tmp_path / "ratings.csv"
    assert found(tmp_path, "links.csv") is None


BLOCKS = "1:\n7,3,2005-09-06\n"
TITLES = "1,2003,Dinosaur Planet\n"


def test_the_netflix_prizes_files_are_read_packed(tmp_path: Path) -> None:
    gzipped(tmp_path / "combined_data_1.txt.gz", BLOCKS)
    gzipped(tmp_path / "movie_titles.csv.gz", TITLES)
    (tmp_path / "combined_data_2.txt").write_text(BLOCKS)
    made = netflix.source(tmp_path)
    ratings = read_raw(made.ratings).read_all()
    assert ratings["_source_file"].to_pylist() == ["combined_data_1.txt", "combined_data_2.txt"]
    assert read_raw(made.movies).read_all()["title"].to_pylist() == ["Dinosaur Planet"]


@pytest.mark.parametrize("named", [True, False], ids=["the zip", "its folder"])
def test_the_netflix_prizes_files_are_read_from_one_zip(tmp_path: Path, named: bool) -> None:
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in {
            "combined_data_2.txt": BLOCKS,
            "combined_data_1.txt": BLOCKS,
            "movie_titles.csv": TITLES,
        }.items():
            packed.writestr(name, text)
    made = netflix.source(archive if named else tmp_path)
    ratings = read_raw(made.ratings).read_all()
    assert ratings["_source_file"].to_pylist() == ["combined_data_1.txt", "combined_data_2.txt"]
    assert made.files == (archive,)


def test_files_that_came_split_keep_their_sides_when_they_are_packed(tmp_path: Path) -> None:
    (tmp_path / "combined").mkdir()
    for name in ("train.txt", "test.txt"):
        gzipped(tmp_path / "combined" / f"{name}.gz", BLOCKS)
    made = presplit.source(tmp_path)
    assert read_raw(made.ratings).read_all()["_source_file"].to_pylist() == ["train.txt", "test.txt"]


def test_a_damaged_zip_that_nothing_is_read_from_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "combined_data_1.txt").write_text(BLOCKS)
    (tmp_path / "other.zip").write_bytes(b"PK")
    assert advice_on(tmp_path, "netflix") is None


def test_packed_files_of_another_source_are_named_with_the_setting_that_reads_them(tmp_path: Path) -> None:
    gzipped(tmp_path / "combined_data_1.txt.gz", BLOCKS)
    assert advice_on(tmp_path, "movielens") == "It holds combined_data_1.txt.gz: set RECO_SOURCE=netflix."
