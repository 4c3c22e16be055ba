"""Forgetting a user of a distinctive id: no byte of the lakehouse has it afterwards, and all else is what it was."""

import json
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.batches.receipts import receipts
from reco_assets.forgetting.forget import ForgetError, forget, look_for
from reco_assets.forgetting.people import People, without
from reco_assets.models.versions.checksums import changed_files, checksums
from reco_assets.streaming import intake_run
from reco_assets.streaming.intake import take_in, take_in_again
from reco_assets.streaming.reader import parse_stream_file
from reco_assets.tables import SPLIT_RATINGS, STREAM_QUARANTINE, STREAM_RATINGS
from resources.locking.locks import LockError
from resources.tables.lakehouse import Lakehouse

WHO = 1_987_654_321
GOOD, BAD = f"2021-01-01,{WHO},2,4.0", f"2021-01-01,{WHO},11,9.5"
OTHERS = [f"2021-01-02,7,{movie},3.0" for movie in range(2, 40)]
SIDES = {(1, 2): "train", (2, 3): "test"}


@pytest.fixture(autouse=True)
def _without_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture
def known(lakehouse: Lakehouse, history: Callable, drop: Callable) -> Lakehouse:
    """A lakehouse that holds the user in old and new versions, files, a model, a database and a report."""
    history({(WHO, 1): "train", **SIDES})
    history({(WHO, 1): "test", **SIDES})
    history(SIDES)
    drop("a.csv", GOOD, *OTHERS, BAD)
    take_in(lakehouse)
    model = lakehouse.root / "gold" / "models" / "als" / "20260101_000000"
    model.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": pa.array([1, WHO], pa.int32())}), model / "user_factors.parquet")
    (model / "sample.json").write_text(json.dumps({"user_id": [1, WHO], "stars": [3.0, 4.5], "list_length": 10}))
    (model / "model.json").write_text(json.dumps({"version": model.name, "files": checksums(model)}))
    with closing(sqlite3.connect(lakehouse.root / "runs.db")) as database:
        database.execute("CREATE TABLE event_logs (event TEXT)")
        shown = {"records": [{"data": {"user_id": str(WHO)}}, {"data": {"user_id": "7"}}]}
        database.execute("INSERT INTO event_logs VALUES (?)", (json.dumps(shown),))
        database.commit()
    (lakehouse.root / "report.html").write_text(f"<p>user {WHO}</p>")
    return lakehouse


def found_in(root: Path) -> list[str]:
    """The files with the id as text or as a whole number, in their bytes or in what Parquet packs."""
    as_text, as_number = str(WHO).encode(), struct.pack("<i", WHO)
    found = []
    for file in (path for path in root.rglob("*") if path.is_file()):
        content = file.read_bytes()
        packed = str(pq.ParquetFile(file).read().to_pylist()) if file.suffix == ".parquet" else ""
        if as_text in content or as_number in content or str(WHO) in packed:
            found.append(str(file.relative_to(root)))
    return sorted(found)


def test_no_byte_of_the_lakehouse_has_the_user_afterwards(known: Lakehouse) -> None:
    assert len(found_in(known.root)) > 8

    certificate, path = forget(known.settings, [str(WHO)])

    assert found_in(known.root) == []
    assert certificate.left == ()
    assert json.loads(path.read_text())["verification"]["passed"]


def test_every_version_and_every_row_of_others_stays(known: Lakehouse, table_rows: Callable) -> None:
    before = known.dataset(STREAM_RATINGS.name).to_table().filter(pa.compute.field("user_id") != WHO)

    forget(known.settings, [str(WHO)])

    assert known.version(SPLIT_RATINGS.name) == 2
    for version in range(3):
        rows = known.dataset(SPLIT_RATINGS.name, version).to_table(["user_id", "movie_id"])
        assert sorted(zip(*rows.to_pydict().values(), strict=True)) == sorted(SIDES)
    assert known.dataset(STREAM_RATINGS.name).to_table() == before
    assert table_rows(STREAM_QUARANTINE.name, "raw") == []


def test_a_file_that_comes_again_is_known_and_a_new_one_comes_without_the_user(
    known: Lakehouse, drop: Callable, table_rows: Callable
) -> None:
    forget(known.settings, [str(WHO)])
    before = table_rows(STREAM_RATINGS.name)

    drop("a.csv", GOOD, *OTHERS, BAD)
    assert take_in(known).known == ("a.csv",)
    assert table_rows(STREAM_RATINGS.name) == before

    drop("b.csv", f"2021-03-01,{WHO},4,4.0", "2021-03-02,7,50,3.0", f"2021-03-01,{WHO},5,8.0")
    (receipt,) = take_in(known).received
    assert (receipt.lines, receipt.good, receipt.quarantined, receipt.forgotten) == (3, 1, 0, 2)
    assert found_in(known.root) == []


def test_receipts_count_the_lines_as_forgotten(known: Lakehouse) -> None:
    forget(known.settings, [str(WHO)])

    (receipt,) = receipts(known.root)
    assert (receipt.lines, receipt.good, receipt.quarantined, receipt.forgotten) == (40, 38, 0, 2)
    assert receipt.users == 1


def test_lines_that_a_replay_brought_back_are_counted_once(
    lakehouse: Lakehouse, drop: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("wrong-clock.csv", "1979-05-01,1,1,3", "1979-05-01,1,1,3", f"2005-09-06,{WHO},42,4")
    with monkeypatch.context() as patched:
        long_ago = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp()) * 10**9
        patched.setattr(intake_run, "parse_stream_file", lambda path, _: parse_stream_file(path, long_ago))
        (batch,) = take_in(lakehouse).received
    take_in_again(lakehouse, batch.batch)

    forget(lakehouse.settings, [str(WHO)])

    first, replayed = receipts(lakehouse.root)
    assert (first.lines, first.good, first.duplicates, first.forgotten) == (2, 1, 1, 0)
    assert (replayed.lines, replayed.good, replayed.forgotten) == (1, 0, 1)


def test_a_models_checksums_follow_and_its_record_says_so(known: Lakehouse) -> None:
    forget(known.settings, [str(WHO)])

    model = known.root / "gold" / "models" / "als" / "20260101_000000"
    record = json.loads((model / "model.json").read_text())
    assert record["forgotten"] == 1
    assert changed_files(model, record["files"]) == []
    assert json.loads((model / "sample.json").read_text())["user_id"] == [1]


def test_a_run_that_is_killed_is_ended_by_the_next(known: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("resources.tables.scrubbing._carry", killed)
        with pytest.raises(KeyboardInterrupt):
            forget(known.settings, [str(WHO)])
    assert found_in(known.root)

    forget(known.settings, [str(WHO)])
    assert found_in(known.root) == []
    assert receipts(known.root)[0].forgotten == 2


def test_forgetting_again_finds_nothing(known: Lakehouse) -> None:
    forget(known.settings, [str(WHO)])

    assert forget(known.settings, [str(WHO)])[0].places == ()


def test_a_dry_run_counts_and_changes_nothing(known: Lakehouse) -> None:
    before = {path: path.read_bytes() for path in known.root.rglob("*") if path.is_file()}

    assert look_for(known.settings, [str(WHO)]).totals["tables, all versions (rows)"]["found"] == 4
    assert {path: path.read_bytes() for path in known.root.rglob("*") if path.is_file()} == before


def test_what_cant_be_read_stops_nothing_and_is_said_with_every_file_that_still_mentions_them(
    lakehouse: Lakehouse,
) -> None:
    for name in ("damaged.parquet", "damaged.db", "damaged.csv.gz", "unknown.bin"):
        (lakehouse.root / name).parent.mkdir(exist_ok=True)
        (lakehouse.root / name).write_text(f"user {WHO}")
    (lakehouse.root / "report.html").write_text(f"<p>user {WHO}</p>")

    certificate, _ = forget(lakehouse.settings, [str(WHO)])

    damaged = [str(lakehouse.root / f"damaged.{kind}") for kind in ("csv.gz", "db", "parquet")]
    assert [unread.place for unread in certificate.unread] == damaged
    assert not certificate.passed
    mentioned = [each.where for each in certificate.not_reached if each.what == "a file that mentions them"]
    assert mentioned == [*damaged, str(lakehouse.root / "unknown.bin")]


def test_nothing_is_changed_while_somebody_writes(known: Lakehouse, run_apart: Callable) -> None:
    with known.lock(SPLIT_RATINGS.name):
        (ended,) = run_apart("tests.forgetting.apart:forget_the_user", known)

    assert LockError.__name__ in ended.error
    assert found_in(known.root)


def test_what_is_no_id_is_refused_in_one_line(lakehouse: Lakehouse) -> None:
    with pytest.raises(ForgetError, match="'somebody' is no user's id"):
        forget(lakehouse.settings, ["somebody"])


def test_short_ids_are_looked_for_in_fields_of_users_alone() -> None:
    document = {"users": 5, "data": [{"user_id": 5, "n": 1}, {"user_id": 6, "n": 5}], "highest user_id": {"value": 5}}

    assert without(People(frozenset({5})), document) == {"users": 5, "data": [{"user_id": 6, "n": 5}]}
