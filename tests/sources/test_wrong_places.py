"""Files of another kind, or in another place: the message says which setting reads them, or what to change."""

from pathlib import Path

import pytest

from reco_assets.sources.choose import choose_source
from reco_assets.sources.headers import header_defect
from reco_assets.sources.source import SourceError
from reco_assets.sources.text_files import check_header
from reco_assets.vocabulary import CSV_COLUMNS as STREAMED
from resources.settings import load_settings

RATINGS = ("userId", "movieId", "rating", "timestamp")


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("userId;movieId;rating;timestamp", "parted by semicolons: export the file with commas"),
        ("userId\tmovieId\trating\ttimestamp", "parted by tabs"),
        ("1::1193::5::978300760", "parted by double colons"),
        ("userId,movieId,rating,timestamp,source", "Remove the columns that are not named there: source."),
        ("userId,movieId,rating,timestamp,timestamp", "Remove the columns that are not named there: one stands twice."),
        ("userId,movieId,rating", "Add the columns that are missing: timestamp."),
        ("userid,movieid,rating,timestamp", "upper and lower case"),
        ("movieId,userId,rating,timestamp", "Reorder the columns."),
        ("user,movie,stars,time", "Rename the columns: user, movie, stars, time where userId, movieId"),
        ("1,31,2.5,1260759144", "The first line holds values: put the header in front of it."),
        ("movieId,title,genres", "These are MovieLens movies: they belong beside ratings.csv"),
        ("userId,movieId,tag,timestamp", "These are MovieLens tags"),
        ("DATE,CUST_ID,MOVIE_ID,RATING", "These are new ratings: they belong into the streaming folder."),
    ],
)
def test_a_wrong_header_is_answered_with_what_to_do_about_this_one(line: str, fix: str) -> None:
    defect = header_defect(line + "\r\n", RATINGS)
    assert defect is not None
    assert fix in defect[1]


def test_a_release_dropped_into_the_streaming_folder_is_told_where_it_belongs() -> None:
    defect = header_defect("userId,movieId,rating,timestamp\n", STREAMED)
    assert defect is not None
    assert "MovieLens ratings: RECO_SOURCE_PATH names the folder" in defect[1]


def test_the_right_header_has_no_defect(tmp_path: Path) -> None:
    assert header_defect('"userId",movieId, rating,timestamp\r\n', RATINGS) is None
    (tmp_path / "ratings.csv").write_bytes(b"\xef\xbb\xbfuserId,movieId,rating,timestamp\n")
    check_header(tmp_path / "ratings.csv", RATINGS)


def test_what_a_header_holds_cannot_steer_the_terminal() -> None:
    defect = header_defect("\x1b[2Ja,movieId,rating,timestamp\n", RATINGS)
    assert defect is not None
    assert "\x1b" not in "".join(defect)


@pytest.mark.parametrize(
    ("kind", "files", "advice"),
    [
        (None, ["combined_data_1.txt", "movie_titles.csv"], r"holds combined_data_1\.txt: set RECO_SOURCE=netflix\."),
        ("presplit", ["combined_data_1.txt"], r"set RECO_SOURCE=netflix\."),
        (None, ["combined/train.txt", "combined/test.txt"], r"holds train\.txt: set RECO_SOURCE=presplit\."),
        ("netflix", ["ratings.csv", "movies.csv"], r"holds ratings\.csv: set RECO_SOURCE=movielens\."),
        (None, ["ml-latest-small/ratings.csv"], r"Set RECO_SOURCE_PATH=.*/raw/ml-latest-small, which has them\."),
        (None, ["ml-25m.zip"], r"ml-25m\.zip: what is packed there can't be read: .*\. Fetch a complete copy\."),
        (None, ["ml-25m.tar.gz"], r"Unpack ml-25m\.tar\.gz\."),
        (None, ["part-1.txt"], r"part-1\.txt looks like the Netflix Prize's ratings: .* set RECO_SOURCE=netflix\."),
    ],
)
def test_a_folder_with_other_files_is_answered_with_the_setting_that_reads_them(
    tmp_path: Path, kind: str | None, files: list[str], advice: str
) -> None:
    for name in files:
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text("1:\n")
    settings = load_settings(lakehouse_path=tmp_path, reco_source=kind, reco_source_path=tmp_path / "raw")
    with pytest.raises(SourceError, match=advice):
        choose_source(settings)


def test_a_file_where_a_folder_must_be_is_answered_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").touch()
    settings = load_settings(lakehouse_path=tmp_path, reco_source_path=tmp_path / "ratings.csv")
    with pytest.raises(SourceError, match=rf"RECO_SOURCE_PATH is not a folder\. Set it to {tmp_path}\."):
        choose_source(settings)
