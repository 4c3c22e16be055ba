"""The ledger is derived: whatever happens to its file, the loop goes on and loses, doubles and forgets no row."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reco_assets.batches import portions
from reco_assets.batches.accepted import Accepted, accept_waiting, accepted, waiting, waiting_batches
from reco_assets.batches.ledger import LedgerError, change
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import receipts, write_receipts
from reco_assets.split.merge import merge_side
from reco_assets.streaming.intake import take_in
from reco_assets.tables import LEDGER, RECEIPTS, STREAM_QUARANTINE, STREAM_RATINGS
from resources.tables.lakehouse import Lakehouse

ONE = Receipt("b" * 64, "b.csv", 2_000, 70, 4, 2, 1, 1, 1, 1, 2)
TAKE_IN = "reco_assets.streaming.intake:take_in"


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def torn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text TEXT)")


DAMAGES = (empty, garbage, cut, torn, folder, another_database)


@pytest.fixture
def taken(lakehouse: Lakehouse, drop: Callable[..., Path]) -> list[Receipt]:
    """Two batches, with rows of every kind."""
    drop("a.csv", "2005-09-06,7,42,4", "2005-09-06,7,42,4", "oops")
    take_in(lakehouse)
    drop("b.csv", "2005-09-07,8,42,4")
    take_in(lakehouse)
    return receipts(lakehouse.root)


def rows(lakehouse: Lakehouse) -> tuple[int, int]:
    return lakehouse.row_count(STREAM_RATINGS.name), lakehouse.row_count(STREAM_QUARANTINE.name)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_is_kept_aside_and_made_anew_from_the_receipts_copies(
    lakehouse: Lakehouse, taken: list[Receipt], damage: Callable[[Path], None]
) -> None:
    path = lakehouse.path(str(LEDGER))
    damage(path)
    with pytest.warns(UserWarning, match=r"ledger\.sqlite is damaged .*kept as ledger\.sqlite\.damaged"):
        assert waiting(lakehouse) == taken
    assert path.with_name("ledger.sqlite.damaged").exists()
    assert accept_waiting(lakehouse, "r1") == [receipt.batch for receipt in taken]


def test_a_ledger_that_is_gone_is_made_anew_and_known_content_stays_known(
    lakehouse: Lakehouse, taken: list[Receipt], drop: Callable[..., Path]
) -> None:
    lakehouse.path(str(LEDGER)).unlink()
    before = rows(lakehouse)
    drop("again.csv", "2005-09-07,8,42,4")
    assert take_in(lakehouse).known == ("again.csv",)
    assert (rows(lakehouse), receipts(lakehouse.root)) == (before, taken)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"batch": 1}', None])
def test_where_the_receipt_is_unreadable_too_tables_and_archive_say_what_was_in_it(
    lakehouse: Lakehouse, taken: list[Receipt], text: str | None
) -> None:
    lakehouse.path(str(LEDGER)).unlink()
    copy = lakehouse.path(str(RECEIPTS), f"{taken[0].batch}.json")
    if text is None:
        folder(copy)
    else:
        copy.write_text(text)
    with pytest.warns(UserWarning, match=rf"{taken[0].batch}\.json is damaged"):
        found = receipts(lakehouse.root)
    archived = lakehouse.path("stream", "archive", f"{taken[0].batch}.csv").stat().st_mtime_ns
    assert found == [replace(taken[0], landed_ns=archived, intake=""), taken[1]]
    assert copy.with_name(f"{copy.name}.damaged").exists()
    assert json.loads(copy.read_text()) == asdict(found[0]) | {"number": 1}


def test_content_that_only_the_tables_know_goes_through_intake_again_and_doubles_nothing(
    lakehouse: Lakehouse, taken: list[Receipt], drop: Callable[..., Path]
) -> None:
    before = rows(lakehouse)
    lakehouse.path(str(LEDGER)).unlink()
    shutil.rmtree(lakehouse.path(str(RECEIPTS)))
    drop("a.csv", "2005-09-06,7,42,4", "2005-09-06,7,42,4", "oops")
    result = take_in(lakehouse)
    assert [(receipt.batch, receipt.lines) for receipt in result.received] == [(taken[0].batch, 3)]
    assert (rows(lakehouse), result.known) == (before, ())


@pytest.mark.parametrize("rows_at_once", [1, 2, 3])
def test_a_ledger_made_anew_from_a_few_rows_at_a_time_is_the_same(
    lakehouse: Lakehouse, taken: list[Receipt], monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    shutil.rmtree(lakehouse.path(str(RECEIPTS)))
    lakehouse.path(str(LEDGER)).unlink()
    whole = receipts(lakehouse.root)
    lakehouse.path(str(LEDGER)).unlink()
    monkeypatch.setattr(portions, "ROWS_AT_ONCE", rows_at_once)
    assert receipts(lakehouse.root) == whole


@pytest.mark.parametrize("step", ["ratings_staged", "quarantine_staged"])
def test_a_ledger_lost_while_a_batch_is_half_staged_loses_none_of_its_lines(
    lakehouse: Lakehouse, taken: list[Receipt], drop: Callable[..., Path], run_apart: Callable, step: str
) -> None:
    drop("c.csv", "2005-09-08,9,42,4", "oops", "2005-09-08,9,43,4")
    [ended] = run_apart(TAKE_IN, lakehouse, crash_at=[step])
    assert ended.code == -9
    lakehouse.path(str(LEDGER)).unlink()
    [receipt] = take_in(lakehouse).received
    assert (receipt.lines, receipt.good, receipt.quarantined) == (3, 2, 1)
    assert rows(lakehouse) == (4, 2)
    assert not list(lakehouse.settings.storage.landing.rglob("c.csv"))


def test_a_ledger_from_a_backup_catches_up_with_the_tables(
    lakehouse: Lakehouse, drop: Callable[..., Path], tmp_path: Path
) -> None:
    drop("a.csv", "2005-09-06,7,42,4")
    take_in(lakehouse)
    shutil.copy(lakehouse.path(str(LEDGER)), tmp_path / "backup")
    drop("b.csv", "2005-09-07,8,42,4")
    take_in(lakehouse)
    expected = receipts(lakehouse.root)
    shutil.copy(tmp_path / "backup", lakehouse.path(str(LEDGER)))
    drop("b-again.csv", "2005-09-07,8,42,4")
    take_in(lakehouse)
    assert receipts(lakehouse.root) == expected
    assert rows(lakehouse) == (2, 0)


def test_of_acceptances_a_lost_ledger_keeps_those_that_were_merged(
    lakehouse: Lakehouse, taken: list[Receipt], drop: Callable[..., Path], history: Callable
) -> None:
    history({(1, 1): "train"})
    accept_waiting(lakehouse, "r1")
    for side in ("train", "test"):
        merge_side(lakehouse, side)
    drop("c.csv", "2005-09-08,9,42,4")
    [late] = take_in(lakehouse).received
    accept_waiting(lakehouse, "r2")
    lakehouse.path(str(LEDGER)).unlink()
    assert [entry.batch for entry in accepted(lakehouse.root)] == [receipt.batch for receipt in taken]
    assert waiting(lakehouse) == [late]
    assert merge_side(lakehouse, "train").rows == 0


@pytest.fixture
def merge(lakehouse: Lakehouse, history: Callable) -> Callable[[], list]:
    """Accept and merge what waits; returns movies and ratings of the training table."""
    history({(7, movie): "train" for movie in (1, 42, 43)})

    def accept_and_merge() -> list:
        accept_waiting(lakehouse, "r")
        for side in ("train", "test"):
            merge_side(lakehouse, side)
        found = lakehouse.dataset("silver/train_ratings").to_table(columns=["movie_id", "rating"])
        return sorted(zip(*(column.to_pylist() for column in found.columns), strict=True))

    return accept_and_merge


@pytest.mark.parametrize("restored", [False, True])
def test_a_lost_ledger_does_not_bring_back_what_a_merged_batch_corrected(
    lakehouse: Lakehouse, drop: Callable[..., Path], merge: Callable, tmp_path: Path, restored: bool
) -> None:
    drop("history.csv", "2010-01-01,7,1,4", "2005-09-06,7,42,2", "2005-09-06,7,43,2")
    [old] = take_in(lakehouse).received
    shutil.copy(lakehouse.path(str(LEDGER)), tmp_path / "backup")
    merge()
    drop("corrected.csv", "2005-09-06,7,42,5", "2005-09-06,7,43,5")
    [new] = take_in(lakehouse).received
    before = merge()
    drop("waits.csv", "2005-09-06,7,42,1")
    [late] = take_in(lakehouse).received
    lakehouse.path(str(LEDGER)).unlink()
    if restored:
        shutil.copy(tmp_path / "backup", lakehouse.path(str(LEDGER)))
        take_in(lakehouse)
    assert [entry.batch for entry in accepted(lakehouse.root)] == [old.batch, new.batch]
    assert waiting(lakehouse) == [late]
    after = merge()
    assert [rating for rating in before if rating not in after] == [(42, 5.0)]
    assert (42, 1.0) in after


def test_a_ledger_from_a_backup_that_lacks_acceptances_alone_catches_up_with_the_tables(
    lakehouse: Lakehouse, taken: list[Receipt], drop: Callable[..., Path], merge: Callable, tmp_path: Path
) -> None:
    shutil.copy(lakehouse.path(str(LEDGER)), tmp_path / "backup")
    merge()
    shutil.copy(tmp_path / "backup", lakehouse.path(str(LEDGER)))
    assert waiting(lakehouse) == taken
    drop("c.csv", "2005-09-08,9,42,4")
    [late] = take_in(lakehouse).received
    assert waiting(lakehouse) == [late]
    assert [entry.batch for entry in accepted(lakehouse.root)] == [receipt.batch for receipt in taken]


def test_a_batch_that_lacks_a_row_in_the_tables_waits_though_a_later_one_holds_its_other_rows(
    lakehouse: Lakehouse, drop: Callable[..., Path], merge: Callable
) -> None:
    drop("early.csv", "2005-09-06,7,42,2", "2005-09-06,7,43,2")
    [early] = take_in(lakehouse).received
    drop("late.csv", "2005-09-06,7,42,5")
    take_in(lakehouse)
    unfinished = "UPDATE batches SET receipt = NULL WHERE batch = ?"
    change(lakehouse.root, lambda ledger: ledger.execute(unfinished, (early.batch,)))
    merge()
    lakehouse.path(str(LEDGER)).unlink()
    [late] = accepted(lakehouse.root)
    assert (waiting(lakehouse), late.batch != early.batch) == ([early], True)


@pytest.mark.parametrize("year", [1980, 2099])
def test_content_that_only_the_tables_know_is_not_judged_by_the_time_of_its_file(
    lakehouse: Lakehouse, taken: list[Receipt], drop: Callable[..., Path], year: int
) -> None:
    before = rows(lakehouse)
    lakehouse.path(str(LEDGER)).unlink()
    shutil.rmtree(lakehouse.path(str(RECEIPTS)))
    drop("a.csv", "2005-09-06,7,42,4", "2005-09-06,7,42,4", "oops", landed=datetime(year, 1, 1, tzinfo=UTC))
    assert [receipt.lines for receipt in take_in(lakehouse).received] == [3]
    assert rows(lakehouse) == before
    assert not list(lakehouse.settings.storage.landing.rglob("a.csv"))


# What earlier releases left


def leave_old_files(root: Path, entries: str) -> list[Receipt]:
    """Receipts and a list of accepted batches as they were before there was a ledger."""
    old = [replace(ONE, batch=letter * 64, landed_ns=landed) for letter, landed in (("a", 3), ("b", 1), ("c", 2))]
    (root / RECEIPTS).mkdir(parents=True)
    for receipt in old:
        (root / RECEIPTS / f"{receipt.batch}.json").write_text(json.dumps(asdict(receipt)))
    (root / "stream" / "accepted.json").write_text(entries)
    return old


def test_an_earlier_releases_receipts_and_list_are_carried_over_in_their_order(lakehouse: Lakehouse) -> None:
    entries = [{"batch": "a" * 64, "report": "r1"}, {"batch": "b" * 64, "report": "r2"}]
    late, early, between = leave_old_files(lakehouse.root, json.dumps(entries))
    assert receipts(lakehouse.root) == [early, between, late]
    assert accepted(lakehouse.root) == [Accepted(late.batch, "r1"), Accepted(early.batch, "r2")]
    assert waiting(lakehouse) == [between]
    assert not lakehouse.path("stream", "accepted.json").exists()
    assert json.loads(lakehouse.path("stream", "accepted.json.carried-over").read_text()) == entries


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"batch": "a"}]', "7"])
def test_a_damaged_list_is_kept_aside_and_its_batches_wait_unless_they_are_merged(
    lakehouse: Lakehouse, text: str
) -> None:
    old = leave_old_files(lakehouse.root, text)
    with pytest.warns(UserWarning, match=r"accepted\.json is damaged .*kept as accepted\.json\.damaged"):
        assert set(waiting_batches(lakehouse)) == {receipt.batch for receipt in old}
    assert lakehouse.path("stream", "accepted.json.damaged").read_text() == text


def test_a_list_put_back_beside_a_ledger_is_carried_over_too(lakehouse: Lakehouse) -> None:
    write_receipts(lakehouse.root, [ONE])
    entries = [{"batch": ONE.batch, "report": "r1"}]
    lakehouse.path("stream", "accepted.json").write_text(json.dumps(entries))
    assert (waiting(lakehouse), accepted(lakehouse.root)) == ([], [Accepted(ONE.batch, "r1")])


# What isn't damage


def test_a_ledger_of_a_newer_release_is_refused_and_left_as_it_is(lakehouse: Lakehouse) -> None:
    write_receipts(lakehouse.root, [ONE])
    path = lakehouse.path(str(LEDGER))
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    content = path.read_bytes()
    with pytest.raises(LedgerError, match="written by a newer release"):
        waiting(lakehouse)
    assert path.read_bytes() == content


def test_a_look_at_a_lakehouse_without_streams_leaves_nothing_behind(lakehouse: Lakehouse) -> None:
    assert (waiting(lakehouse), accepted(lakehouse.root), receipts(lakehouse.root)) == ([], [], [])
    assert not lakehouse.path("stream").exists()
