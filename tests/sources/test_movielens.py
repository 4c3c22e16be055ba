"""A MovieLens folder as a source."""

import pytest

from reco_assets.sources.movielens import source as movielens_source
from reco_assets.sources.source import SourceError


@pytest.fixture
def folder(tmp_path):
    """A tiny release without tags."""
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n")
    (tmp_path / "movies.csv").write_text('movieId,title,genres\n1,"Heat, The (1995)",Crime|Drama\n')
    return tmp_path


def test_ratings_and_movies_come_from_their_files(folder, rows_of):
    source = movielens_source(folder)
    assert [(row["userId"], row["rating"]) for row in rows_of(source.ratings)] == [("1", "4.0")]
    assert [row["title"] for row in rows_of(source.movies)] == ["Heat, The (1995)"]


def test_tags_may_be_missing(folder, rows_of):
    assert rows_of(movielens_source(folder).tags) == []


def test_tags_that_are_there_are_read(folder, rows_of):
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\n1,1,tense,964982703\n")
    assert [row["tag"] for row in rows_of(movielens_source(folder).tags)] == ["tense"]


@pytest.mark.parametrize("name", ["ratings", "movies"])
def test_ratings_and_movies_must_be_there(folder, rows_of, name):
    (folder / f"{name}.csv").unlink()
    with pytest.raises(SourceError, match=rf"{name}\.csv: the file does not exist"):
        rows_of(getattr(movielens_source(folder), name))


def test_swapped_files_are_refused(folder, rows_of):
    (folder / "ratings.csv").rename(folder / "other")
    (folder / "movies.csv").rename(folder / "ratings.csv")
    with pytest.raises(SourceError, match=r"ratings\.csv, line 1: the header must be userId,movieId,rating,timestamp"):
        rows_of(movielens_source(folder).ratings)


@pytest.mark.parametrize("name", ["ratings", "movies", "tags"])
def test_every_line_of_the_real_release_is_a_row(movielens, rows_of, name):
    rows = rows_of(getattr(movielens_source(movielens.folder), name))
    assert len(rows) == (movielens.folder / f"{name}.csv").read_bytes().count(b"\n") - 1
    assert [row["_line"] for row in rows] == list(range(2, len(rows) + 2))
