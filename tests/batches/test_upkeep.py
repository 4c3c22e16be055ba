"""What is due after an intake: old copies go, and what they were of stays known."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import read_receipt, received_batches, write_receipts
from reco_assets.batches.upkeep import STEP, after_intake
from reco_assets.streaming.intake import take_in
from reco_assets.tables import RECEIPTS, STREAM_RATINGS
from resources.tables.lakehouse import Lakehouse
from resources.tables.tending import MANY_FILES

ONE = Receipt("0", "a.csv", 1, 10, 1, 1, 0, 0, 1, 0, 1)


@pytest.fixture
def lake(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    """A lakehouse that keeps few old files."""
    return make_lakehouse(archived_files_kept=120, receipt_files_kept=100)


def receive(lakehouse: Lakehouse, numbers: range) -> list[str]:
    names = [f"{number:064x}" for number in numbers]
    write_receipts(lakehouse.root, [replace(ONE, batch=name) for name in names])
    archive = lakehouse.path("stream", "archive")
    archive.mkdir(parents=True, exist_ok=True)
    for name in names:
        (archive / f"{name}.csv").write_text("DATE,CUST_ID,MOVIE_ID,RATING\n")
    return names


def left(lakehouse: Lakehouse) -> tuple[set[str], set[str]]:
    folders = (lakehouse.path("stream", "archive"), lakehouse.path(str(RECEIPTS)))
    archived, copies = ({path.stem for path in folder.iterdir()} for folder in folders)
    return archived, copies


def test_of_old_batches_archived_files_and_copies_go_and_their_receipts_stay(lake: Lakehouse) -> None:
    names = receive(lake, range(250))
    for _ in range(2):
        after_intake(lake)
    assert left(lake) == (set(names[-120:]), set(names[-100:]))
    assert names[0] in received_batches(lake.root)
    assert read_receipt(lake.root, names[0]).source == "a.csv"


def test_each_old_batch_is_looked_at_once(lake: Lakehouse) -> None:
    names = receive(lake, range(250))
    after_intake(lake)
    (lake.path("stream", "archive") / f"{names[0]}.csv").write_text("put back by hand")
    receive(lake, range(250, 250 + STEP))
    after_intake(lake)
    archived, _ = left(lake)
    assert names[0] in archived
    assert names[130] not in archived


def test_what_cannot_be_removed_stops_neither_an_intake_nor_the_removal_of_others(
    lake: Lakehouse, drop: Callable[..., Path]
) -> None:
    names = receive(lake, range(250))
    stuck = lake.path("stream", "archive") / f"{names[0]}.csv"
    stuck.unlink()
    stuck.mkdir()
    drop("a.csv", "2005-09-06,7,42,4")
    with pytest.warns(UserWarning, match=r"0000\.csv was not removed: Is a directory"):
        [receipt] = take_in(lake).received
    assert receipt.good == 1
    archived, _ = left(lake)
    assert names[0] in archived
    assert names[1] not in archived


def test_an_intake_opens_as_few_files_of_the_table_after_many_batches_as_after_a_few(
    lakehouse: Lakehouse, drop: Callable[..., Path]
) -> None:
    for number in range(70):
        drop("a.csv", f"2005-09-06,{number + 1},42,4")
        take_in(lakehouse)
    assert len(lakehouse.dataset(STREAM_RATINGS.name).files) <= MANY_FILES + 1
    assert lakehouse.row_count(STREAM_RATINGS.name) == 70


def test_where_a_folder_is_a_link_nothing_is_removed_elsewhere(lake: Lakehouse, tmp_path: Path) -> None:
    names = receive(lake, range(250))
    archive, elsewhere = lake.path("stream", "archive"), tmp_path / "elsewhere"
    archive.rename(elsewhere)
    archive.symlink_to(elsewhere)
    with pytest.warns(UserWarning, match="Removing old files was left for the next intake: .*symbolic link"):
        after_intake(lake)
    assert {path.stem for path in elsewhere.iterdir()} == set(names)
