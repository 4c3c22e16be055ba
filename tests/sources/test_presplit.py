"""Ratings that come already split."""

import pytest

from reco_assets.sources import presplit
from reco_assets.sources.source import SourceError
from reco_assets.vocabulary import SIDES


@pytest.fixture
def folder(tmp_path):
    """A folder with combined/{train,test,future}.txt."""
    (tmp_path / "combined").mkdir()
    for movie, side in enumerate(SIDES, start=1):
        (tmp_path / "combined" / f"{side}.txt").write_text(f"{movie}:\n7,3,2005-09-06\n")
    return tmp_path


def test_each_row_names_the_side_it_was_delivered_on(folder, rows_of):
    rows = rows_of(presplit.source(folder).ratings)
    assert [(row["MOVIE_ID"], row["_source_file"]) for row in rows] == [
        ("1", "train.txt"),
        ("2", "test.txt"),
        ("3", "future.txt"),
    ]


def test_the_folder_may_be_the_combined_one_itself(folder, rows_of):
    assert len(rows_of(presplit.source(folder / "combined").ratings)) == 3


def test_future_may_be_missing(folder, rows_of):
    (folder / "combined" / "future.txt").unlink()
    assert {row["_source_file"] for row in rows_of(presplit.source(folder).ratings)} == {"train.txt", "test.txt"}


@pytest.mark.parametrize("side", ["train", "test"])
def test_train_and_test_must_be_there(folder, side):
    (folder / "combined" / f"{side}.txt").unlink()
    with pytest.raises(SourceError, match=rf"{side}\.txt: the file does not exist"):
        presplit.source(folder)


def test_an_empty_side_is_refused(folder, rows_of):
    (folder / "combined" / "test.txt").write_text("")
    with pytest.raises(SourceError, match=r"test\.txt: the file is empty"):
        rows_of(presplit.source(folder).ratings)


@pytest.mark.parametrize("place", [".", "combined"])
def test_titles_may_lie_in_either_folder(folder, rows_of, place):
    (folder / place / "movie_titles.csv").write_text("1,2003,One, Two\n")
    source = presplit.source(folder)
    assert [row["TITLE"] for row in rows_of(source.movies)] == ["One, Two"]
    assert folder / place / "movie_titles.csv" in source.files


def test_without_titles_there_are_no_movies(folder, rows_of):
    assert rows_of(presplit.source(folder).movies) == []
