"""A receipt says how many of a file's rows correct what was known."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reco_assets.batches.accepted import accept_waiting
from reco_assets.batches.receipts import receipts
from reco_assets.split.merge import merge_side
from reco_assets.streaming.intake import take_in
from reco_assets.tables import SIDE_TABLES, TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse


def corrections(lakehouse: Lakehouse) -> dict[str, int]:
    """The files taken in, in the order of intake, and how many of their rows are corrections."""
    return {receipt.source: receipt.corrections for receipt in receipts(lakehouse.root)}


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    """On Spark, one whose tables are all worked on as DataFrames."""
    return make_lakehouse(spark_in_memory_rows=0)


@pytest.fixture
def intake(lakehouse: Lakehouse, drop: Callable[..., Path]) -> Callable[..., None]:
    """Take a file in."""

    def take(name: str, *lines: str) -> None:
        drop(name, *lines)
        take_in(lakehouse)

    return take


@pytest.mark.both_engines
def test_another_value_for_historys_rating_counts_and_the_same_value_does_not(
    lakehouse: Lakehouse, history: Callable[..., None], intake: Callable[..., None]
) -> None:
    history({(1, 1): "train", (1, 2): "test", (1, 3): "train", (1, 4): "future"})
    day = "2010-01-01"
    intake("a.csv", f"{day},1,1,2", f"{day},1,2,2.5", f"{day},1,3,4", f"{day},1,4,1", "2011-01-01,1,1,2")
    assert corrections(lakehouse) == {"a.csv": 2}


def test_a_value_counts_against_the_file_taken_in_last_before(
    lakehouse: Lakehouse, intake: Callable[..., None]
) -> None:
    for name, stars in (("a.csv", 2), ("b.csv", 5), ("c.csv", "5.0"), ("d.csv", "2.0")):
        intake(name, f"2015-01-01,7,7,{stars}")
    assert corrections(lakehouse) == {"a.csv": 0, "b.csv": 1, "c.csv": 0, "d.csv": 1}


def test_of_files_of_one_intake_the_one_that_came_last_corrects_the_others(
    lakehouse: Lakehouse, history: Callable[..., None], drop: Callable[..., Path]
) -> None:
    history({(1, 1): "train"})
    for name, stars, day in (("b.csv", 2, 3), ("c.csv", 3, 1), ("a.csv", 5, 2)):
        drop(name, f"2015-01-01,7,7,{stars}", landed=datetime(2026, 1, day, tzinfo=UTC))
    take_in(lakehouse)
    assert corrections(lakehouse) == {"b.csv": 0, "c.csv": 1, "a.csv": 1}
    accept_waiting(lakehouse, "report")
    ratings = []
    for side, spec in SIDE_TABLES.items():
        merge_side(lakehouse, side)
        ratings += lakehouse.dataset(spec.name).to_table().to_pylist()
    assert [row["rating"] for row in ratings if row["user_id"] == 7] == [5.0]


def test_a_file_that_corrects_itself_gives_its_last_line_and_counts_none(
    lakehouse: Lakehouse, history: Callable[..., None], intake: Callable[..., None]
) -> None:
    history({(1, 1): "train"})
    intake("a.csv", "2010-01-01,1,1,2", "2010-01-01,1,1,4")
    assert corrections(lakehouse) == {"a.csv": 0}
    accept_waiting(lakehouse, "report")
    merge_side(lakehouse, "train")
    assert lakehouse.dataset(TRAIN_RATINGS.name).to_table()["origin"].to_pylist() == ["history"]
