"""A file that nothing reads is named by what it looks like, with the setting that reads it."""

from pathlib import Path

import pytest
import yaml

from reco_assets.sources.choose import choose_source
from reco_assets.sources.dialect import Files
from reco_assets.sources.looks import looks_like
from reco_assets.sources.source import SourceError, read_raw
from resources.settings import load_settings


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ("196\t242\t3\t881250949\n", "f looks like MovieLens 100K's u.data: name it u.data."),
        ("1::1193::5::978300760\n1::661::3", "f looks like MovieLens 1M's ratings.dat: name it ratings.dat."),
        ("1::Toy Story (1995)::Comedy\n", "f looks like MovieLens 1M's movies.dat: name it movies.dat."),
        (
            "1:\n1488844,3,2005-09-06\n",
            "f looks like the Netflix Prize's ratings: name it combined_data_1.txt and set RECO_SOURCE=netflix.",
        ),
        ('{"user": 1}\n', "f looks like JSON: convert it to CSV or Parquet, with a row per rating."),
        ("SQLite format 3\0", "f is a SQLite database: export its ratings as CSV."),
    ],
)
def test_a_format_that_has_a_name_is_named(head: str, what: str) -> None:
    assert looks_like("f", head.encode()) == what


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("uid;film;score\n1;2;3\n", None),
        ("who;film;score;when\n1;2;3;4\n", ["who", "film", "score", "when"]),
        ('"User-ID","ISBN","Book-Rating"\n', ["User-ID", "ISBN", "Book-Rating"]),
        ("user_id\tanime_id\trating\n", ["user_id", "anime_id", "rating"]),
        ("userId,movieId,rating,timestamp\n", ["userId", "movieId", "rating", "timestamp"]),
        ("1;2;3.5;1000000000\n2;3;4;1000000000\n", [1, 2, 3, 4]),
        ("a,b\n", None),
        ("some words, and more, of a letter\n", None),
    ],
)
def test_other_ratings_are_answered_with_a_description_that_reads_them(head: str, columns: list[object] | None) -> None:
    said = looks_like("my file.csv", head.encode())
    if columns is None:
        assert said is None
        return
    assert said is not None
    text = said[said.index("ratings: {") :]
    assert list(Files.model_validate(yaml.safe_load(text)).ratings.columns.values()) == columns


def test_what_is_proposed_for_a_file_in_the_place_of_another_reads_it(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId;movieId;rating;timestamp\n1;2;3.5;1000000000\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n2,Heat,Crime\n")
    settings = load_settings(lakehouse_path=tmp_path / "lake", reco_source_path=tmp_path)
    with pytest.raises(SourceError, match=r"Or read it as it is: ratings\.csv looks like ratings") as refused:
        read_raw(choose_source(settings).ratings)
    (tmp_path / "columns.yaml").write_text(str(refused.value)[str(refused.value).index("ratings: {") :])
    assert read_raw(choose_source(settings).ratings).read_all()["rating"].to_pylist() == [3.5]


def test_a_folder_of_unknown_files_is_answered_with_what_one_looks_like(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("user,item,score\n1,2,3\n")
    settings = load_settings(lakehouse_path=tmp_path / "lake", reco_source_path=tmp_path)
    with pytest.raises(SourceError, match=r"scores\.csv looks like ratings with the columns user, item, score"):
        choose_source(settings)
