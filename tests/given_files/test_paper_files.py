"""The NCF paper's files: read line by line, refused with file, line and rule, and judged as they say."""

from pathlib import Path

import pytest

from reco_assets.given_files.paper_files import PaperFilesError, evaluate_paper_files, read_paper_files
from reco_assets.models.als.family import ALS
from resources.settings import load_settings

TRAIN = "0\t32\t4\t978824330\n0\t34\t4\t978824330\n1\t4\t5\t978824268\n"
TEST = "0\t25\t5\t978824351\n1\t133\t3\t978300174\n"
NEGATIVE = "(0,25)\t1064\t174\t2791\n(1,133)\t1072\t3154\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("train.rating", TRAIN), ("test.rating", TEST), ("test.negative", NEGATIVE)):
        (tmp_path / f"ml-1m.{name}").write_text(text)
    return tmp_path


def test_each_test_rating_is_ranked_among_the_negatives_of_its_line(folder: Path) -> None:
    files = read_paper_files(folder)
    assert files.train.ratings.movie_id.tolist() == [32, 34, 4]
    assert files.train.moment.tolist() == [978824330, 978824330, 978824268]
    assert files.test.rating.tolist() == [5.0, 3.0]
    assert files.lists.movie_id.tolist() == [[25, 1064, 174, 2791], [133, 1072, 3154, -1]]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("train.rating", "0\t32\t4\n", "train.rating, line 1: it has 3 fields, and must have 4"),
        ("train.rating", TRAIN + "0::1::5::9\n", "train.rating, line 4: it has 1 fields"),
        ("train.rating", TRAIN + "x\t32\t4\t9\n", "line 4: user 'x' must be a whole number from 0 to 2147483647"),
        ("train.rating", TRAIN + "0\t-1\t4\t9\n", "line 4: item '-1' must be a whole number"),
        ("train.rating", TRAIN + "0\t3000000000\t4\t9\n", "line 4: item '3000000000' must be a whole number from 0 to"),
        ("train.rating", TRAIN + "0\t32\tnan\t9\n", "line 4: rating 'nan' must be a number"),
        ("train.rating", TRAIN + "0\t32\t4\tyesterday\n", "line 4: timestamp 'yesterday' must be a whole number"),
        ("train.rating", "", "train.rating is empty"),
        ("test.rating", TEST + "1\t7\t4\t9\n", "more than one line of user 1"),
        ("test.negative", "(0,25)\t1\n", "has 1 lines and .*test.rating 2"),
        ("test.negative", "(0,25)\t1\n(1,134)\t2\n", "line 2: .1, 134. is not the pair .1, 133. of the same line"),
        ("test.negative", "0,25\t1\n", "line 1: it begins with '0,25', and must begin with .USER,ITEM."),
        ("test.negative", "(0,25)\n", "line 1: it has no negatives"),
        ("test.negative", "(0,25)\t1.5\n", "line 1: negative '1.5' must be a whole number"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named_with_file_and_rule(folder: Path, name: str, text: str, said: str) -> None:
    (folder / f"ml-1m.{name}").write_text(text)
    with pytest.raises(PaperFilesError, match=said):
        read_paper_files(folder)


def test_what_is_no_text_is_said_with_the_line_before(folder: Path) -> None:
    (folder / "ml-1m.test.rating").write_bytes(b"0\t25\t5\t9\n\xff\xfe")
    with pytest.raises(PaperFilesError, match=r"test\.rating, after line .*no text in UTF-8"):
        read_paper_files(folder)


def test_a_missing_file_and_two_of_one_kind_are_said(folder: Path) -> None:
    (folder / "pinterest-20.train.rating").write_text(TRAIN)
    with pytest.raises(PaperFilesError, match=r"must hold one file .*train.rating, and there are ml-1m.*, pinterest"):
        read_paper_files(folder)
    with pytest.raises(PaperFilesError, match=r"one file .*train.rating, and there is none"):
        read_paper_files(folder / "elsewhere")


def test_a_family_is_trained_and_judged_on_them_beside_popularity_and_implicit_als(folder: Path) -> None:
    settings = load_settings(lakehouse_path=folder / "lake", ranking_rank=4, als_rank=4)
    found = evaluate_paper_files(settings, ALS, folder)
    assert (found["train_count"], found["sampled"]["users"]) == (3, 2)
    assert list(found["sampled"]["models"]) == ["candidate", "popularity", "implicit_als"]
    assert "the negatives of test.negative (3 at most)" in found["sampled"]["protocol"]
    assert not (folder / "lake" / "gold").exists()
