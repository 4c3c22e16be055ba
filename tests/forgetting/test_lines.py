"""Whose a line is, of files of ratings and events, packed or not."""

import gzip
import zipfile
from pathlib import Path

import pytest

from reco_assets.forgetting.lines import scrub_lines
from reco_assets.forgetting.packed import scrub_packed
from reco_assets.forgetting.people import People

SOMEBODY = People(frozenset({162_541}))
RATINGS = b"userId,movieId,rating,timestamp\n162541,1,4.0,9\n7,162541,4.0,9\n"
LEFT = b"userId,movieId,rating,timestamp\n7,162541,4.0,9\n"


@pytest.mark.parametrize(
    ("line", "theirs"),
    [
        ("162541,1,4.0,9", True),
        ('"162541","Heat, 1995",4.0,9', True),
        ("7,162541,4.0,9", False),
        ('{"user_id": 162541, "movie_id": 1}', True),
        ('{"user_id": 7, "movie_id": 162541}', False),
        ('{"about": {"userId": 7}, "movie_id": 162541}', False),
        (",162541,4.0,9", True),
        ('{"user_id": 162541, "movie', True),
        ('{"movie_id": 1, "key": "162541"}', True),
    ],
)
def test_the_users_field_decides_and_of_damaged_lines_any_mention(line: str, theirs: bool) -> None:
    assert SOMEBODY.wrote(line, 0) is theirs


def test_a_name_of_letters_alone_is_looked_for_in_fields_of_users_and_in_no_text() -> None:
    people = People(texts=frozenset({"train"}))

    assert people.wrote("train,heat,4", 0)
    assert people.hidden("split/train_ratings") == "split/train_ratings"


def test_lists_of_movies_without_a_header_stay_as_they_are(tmp_path: Path) -> None:
    for name in ("movies.dat", "ratings.dat"):
        (tmp_path / name).write_text("5::1::3::9\n6::1::3::9\n")

    assert scrub_lines(tmp_path / "movies.dat", People(frozenset({5})), True) == 0
    assert scrub_lines(tmp_path / "ratings.dat", People(frozenset({5})), True) == 1
    assert (tmp_path / "ratings.dat").read_text() == "6::1::3::9\n"


def test_the_sum_that_hadoop_keeps_of_a_file_goes_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "part.csv").write_bytes(RATINGS)
    (tmp_path / ".part.csv.crc").touch()

    scrub_lines(tmp_path / "part.csv", SOMEBODY, True)

    assert [file.name for file in tmp_path.iterdir()] == ["part.csv"]


def test_lines_go_from_packed_files_too(tmp_path: Path) -> None:
    alone, together = tmp_path / "ratings.csv.gz", tmp_path / "all.zip"
    alone.write_bytes(gzip.compress(RATINGS))
    with zipfile.ZipFile(together, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("all/ratings.csv", RATINGS)
        packed.writestr("all/README", "162541 ratings")

    assert [scrub_packed(file, SOMEBODY, True) for file in (alone, together)] == [1, 1]

    assert gzip.decompress(alone.read_bytes()) == LEFT
    with zipfile.ZipFile(together) as packed:
        assert packed.testzip() is None
        assert [packed.read(name) for name in packed.namelist()] == [LEFT, b"162541 ratings"]
        assert packed.getinfo("all/ratings.csv").compress_type == zipfile.ZIP_DEFLATED
