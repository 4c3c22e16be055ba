"""Tables on disk: one way to write them, and nothing that interrupts it may hurt what was there."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql.types import FloatType, IntegerType, StringType, StructField, StructType, TimestampType

import resources.tables.lakehouse as module
from resources.engine import Engine
from resources.files import write_json, write_text_atomically
from resources.locking.locks import LockError
from resources.settings import load_settings
from resources.tables.files import LakehouseError, TableSpec, read_path, table_exists, table_row_count
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import write_frame

FORMATS = ["delta", "parquet"]
PLAIN = TableSpec("silver/plain", StructType([StructField("id", IntegerType()), StructField("word", StringType())]))
DATED = TableSpec(
    "silver/dated",
    StructType(
        [StructField("id", IntegerType()), StructField("year", IntegerType()), StructField("month", IntegerType())]
    ),
    ("year", "month"),
)
PLAIN_ARROW = pa.schema([("id", pa.int32()), ("word", pa.string())])
DATED_ARROW = pa.schema([("id", pa.int32()), ("year", pa.int32()), ("month", pa.int32())])

MakeLakehouse = Callable[..., Lakehouse]


class SourceBrokeError(Exception):
    """What a source raises while it is being read."""


def _plain(*words: str) -> pa.Table:
    return pa.table({"id": range(len(words)), "word": words}, schema=PLAIN_ARROW)


def _words(lakehouse: Lakehouse) -> list[str]:
    return sorted(row.word for row in lakehouse.read(PLAIN.name).collect())


def _breaks_midway(schema: pa.Schema = PLAIN_ARROW) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist([{"id": 7, "word": "never", "year": 2000, "month": 1}], schema=schema)
        raise SourceBrokeError("line 3 of ratings.csv has no rating")

    return pa.RecordBatchReader.from_batches(schema, batches())


def _files(folder: Path) -> set[str]:
    return {
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and "_locks" not in file.parts
    }


@pytest.fixture(params=FORMATS)
def lake(request: pytest.FixtureRequest, make_lakehouse: MakeLakehouse) -> Lakehouse:
    """A lakehouse in each storage format."""
    return make_lakehouse(storage_format=request.param)


# Writing and reading


@pytest.mark.both_engines
def test_a_frame_is_read_back_as_it_was_written(lake: Lakehouse) -> None:
    frame = lake.engine.session.createDataFrame([(1, "one"), (2, None)], PLAIN.schema)
    lake.write(PLAIN, frame)
    found = lake.read(PLAIN.name)
    assert sorted(map(tuple, found.collect())) == [(1, "one"), (2, None)]
    assert [(f.name, f.dataType) for f in found.schema] == [(f.name, f.dataType) for f in PLAIN.schema]


@pytest.mark.both_engines
def test_an_arrow_table_is_read_back_by_the_engine(lake: Lakehouse) -> None:
    lake.write(PLAIN, _plain("one", "two"))
    assert sorted(map(tuple, lake.read(PLAIN.name).collect())) == [(0, "one"), (1, "two")]


@pytest.mark.both_engines
def test_writing_again_replaces_every_row(lake: Lakehouse) -> None:
    session = lake.engine.session
    lake.write(PLAIN, session.createDataFrame([(1, "old"), (2, "old")], PLAIN.schema))
    lake.write(PLAIN, session.createDataFrame([(3, "new")], PLAIN.schema))
    assert _words(lake) == ["new"]


@pytest.mark.both_engines
def test_a_table_may_be_replaced_by_a_frame_that_reads_it(lake: Lakehouse) -> None:
    lake.write(PLAIN, _plain("one", "two"))
    lake.write(PLAIN, lake.read(PLAIN.name).where("word = 'two'"))
    assert _words(lake) == ["two"]


@pytest.mark.both_engines
def test_a_partitioned_frame_lies_in_one_folder_for_each_year_and_month(lake: Lakehouse) -> None:
    rows = [(1, 1999, 12), (2, 1999, 12), (3, 2000, 1)]
    lake.write(DATED, lake.engine.session.createDataFrame(rows, DATED.schema))
    folders = {str(Path(file).parent) for file in _files(lake.path(DATED.name)) if file.endswith(".parquet")}
    assert folders == {"year=1999/month=12", "year=2000/month=1"}
    assert sorted(map(tuple, lake.read(DATED.name).select("id", "year", "month").collect())) == rows


@pytest.mark.both_engines
def test_a_partition_is_one_file_however_many_tasks_wrote_it(lake: Lakehouse) -> None:
    frame = lake.engine.session.range(64, numPartitions=8).selectExpr("int(id) id", "2000 year", "int(id % 2) month")
    lake.write(DATED, frame)
    assert len(list(lake.path(DATED.name).rglob("*.parquet"))) == 2


@pytest.mark.both_engines
def test_an_arrow_table_is_partitioned_as_declared(lake: Lakehouse) -> None:
    rows = [{"id": 1, "year": 1999, "month": 12}, {"id": 3, "year": 2000, "month": 1}]
    lake.write(DATED, pa.Table.from_pylist(rows, schema=DATED_ARROW))
    folders = {str(Path(file).parent) for file in _files(lake.path(DATED.name)) if file.endswith(".parquet")}
    assert folders == {"year=1999/month=12", "year=2000/month=1"}
    assert sorted(row.asDict()["id"] for row in lake.read(DATED.name).collect()) == [1, 3]


def test_arrow_columns_are_written_as_differences_where_they_are_whole_numbers(lakehouse: Lakehouse) -> None:
    lakehouse.write(PLAIN, _plain("a", "b"))
    [file] = lakehouse.path(PLAIN.name).rglob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    assert ["DELTA_BINARY_PACKED" in group.column(at).encodings for at in range(2)] == [True, False]


@pytest.mark.parametrize("rows", [0, 2])
def test_dictionary_encoded_words_are_stored_as_words(lake: Lakehouse, rows: int) -> None:
    encoded = _plain("a", "b").slice(0, rows)
    lake.write(PLAIN, encoded.set_column(1, PLAIN.schema.names[1], encoded[1].dictionary_encode()))
    assert lake.dataset(PLAIN.name).schema.field(1).type == pa.string()


@pytest.mark.both_engines
@pytest.mark.parametrize("spec", [PLAIN, DATED], ids=["plain", "partitioned"])
@pytest.mark.parametrize("source", ["frame", "arrow"])
def test_a_table_without_rows_exists_and_keeps_its_columns(lake: Lakehouse, spec: TableSpec, source: str) -> None:
    arrow = {PLAIN.name: PLAIN_ARROW, DATED.name: DATED_ARROW}[spec.name].empty_table()
    lake.write(spec, lake.engine.session.createDataFrame([], spec.schema) if source == "frame" else arrow)
    assert lake.exists(spec.name)
    assert lake.row_count(spec.name) == 0
    found = lake.read(spec.name)
    assert found.count() == 0
    assert [(f.name, f.dataType) for f in found.schema] == [(f.name, f.dataType) for f in spec.schema]


@pytest.mark.both_engines
def test_the_row_count_is_known_without_an_engine_job(lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write(DATED, lake.engine.session.createDataFrame([(n, 2000, n % 3) for n in range(7)], DATED.schema))
    monkeypatch.setattr(module, "read_path", None)
    assert lake.row_count(DATED.name) == 7


@pytest.mark.both_engines
def test_a_small_look_needs_no_engine_job(lake: Lakehouse) -> None:
    lake.write(DATED, lake.engine.session.createDataFrame([(5, 2000, 1)], DATED.schema))
    assert lake.dataset(DATED.name).head(1).to_pylist() == [{"id": 5, "year": 2000, "month": 1}]


EVERY_TYPE = TableSpec(
    "silver/every_type",
    StructType(
        [
            StructField("n", IntegerType()),
            # Not double: Sail reads a column that is constant within a file from the log's statistics, whose decimal
            # text it parses to within one unit in the last place of a double; a float survives that.
            StructField("x", FloatType()),
            StructField("text", StringType()),
            StructField("at", TimestampType()),
        ]
    ),
)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-(2**31), 2**31 - 1),
            "x": st.none() | st.floats(allow_nan=False, width=32),
            "text": st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
            "at": st.none() | MOMENTS,
        }
    ),
    max_size=8,
)


@given(rows=ROWS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_small_table_survives_a_round_trip(lake: Lakehouse, rows: list[dict[str, Any]]) -> None:
    types = [("n", pa.int32()), ("x", pa.float32()), ("text", pa.string()), ("at", pa.timestamp("us", "UTC"))]
    table = pa.Table.from_pylist(rows, schema=pa.schema(types))
    lake.write(EVERY_TYPE, table)
    assert lake.row_count(EVERY_TYPE.name) == len(rows)
    found = lake.read(EVERY_TYPE.name).toArrow().cast(table.schema)
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, table.to_pylist()))


# Versions


@pytest.mark.both_engines
def test_each_write_is_a_version_and_old_ones_stay_readable(lakehouse: Lakehouse) -> None:
    for count in (1, 2, 3):
        lakehouse.write(PLAIN, lakehouse.engine.session.createDataFrame([(n, "x") for n in range(count)], PLAIN.schema))
    newest = lakehouse.version(PLAIN.name)
    assert newest == 2
    assert [lakehouse.read(PLAIN.name, version).count() for version in range(3)] == [1, 2, 3]
    assert [lakehouse.row_count(PLAIN.name, version) for version in range(3)] == [1, 2, 3]
    assert lakehouse.row_count(PLAIN.name) == 3


def test_a_version_that_does_not_exist_is_refused_with_the_newest(lakehouse: Lakehouse) -> None:
    lakehouse.write(PLAIN, _plain("one"))
    for ask in (lakehouse.read, lakehouse.row_count):
        with pytest.raises(LakehouseError, match=r"silver/plain has no version 5: its newest is 0\."):
            ask(PLAIN.name, 5)


def test_a_parquet_table_has_no_version_to_ask_for(make_lakehouse: MakeLakehouse) -> None:
    lakehouse = make_lakehouse(storage_format="parquet")
    lakehouse.write(PLAIN, _plain("one"))
    assert lakehouse.version(PLAIN.name) is None
    with pytest.raises(LakehouseError, match="parquet tables have no versions"):
        lakehouse.read(PLAIN.name, 0)


def test_what_needs_delta_is_refused_on_parquet_in_one_line(make_lakehouse: MakeLakehouse) -> None:
    make_lakehouse().require_delta("Streaming")
    with pytest.raises(LakehouseError, match=r"^Streaming needs STORAGE_FORMAT=delta; parquet .*\.$"):
        make_lakehouse(storage_format="parquet").require_delta("Streaming")


# What is refused


@pytest.mark.parametrize("ask", ["read", "version", "row_count", "dataset"])
def test_a_table_that_was_never_written_is_named_with_the_command_that_makes_it(lake: Lakehouse, ask: str) -> None:
    assert not lake.exists(PLAIN.name)
    with pytest.raises(LakehouseError, match=r"Table silver/plain does not exist under .* --select '\*silver/plain'"):
        getattr(lake, ask)(PLAIN.name)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "columns",
    ["'x' word", "1 id, 'x' word, 2 more", "'x' word, 1 id", "1 id, 'x' Word", "1L id, 'x' word", "1 id, 2 word"],
)
def test_a_frame_with_other_columns_is_refused_and_the_table_stays(lake: Lakehouse, columns: str) -> None:
    lake.write(PLAIN, _plain("kept"))
    frame = lake.engine.session.range(1).selectExpr(*columns.split(", "))
    with pytest.raises(LakehouseError, match=r"Table silver/plain must have the columns \[\('id', 'int'\)"):
        lake.write(PLAIN, frame)
    assert _words(lake) == ["kept"]


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("word", pa.string())]),
        pa.schema([("id", pa.int32()), ("word", pa.string()), ("more", pa.int32())]),
        pa.schema([("word", pa.string()), ("id", pa.int32())]),
        pa.schema([("id", pa.int64()), ("word", pa.string())]),
    ],
    ids=["missing", "extra", "swapped", "other type"],
)
def test_an_arrow_table_with_other_columns_is_refused_and_the_table_stays(lake: Lakehouse, schema: pa.Schema) -> None:
    lake.write(PLAIN, _plain("kept"))
    with pytest.raises(LakehouseError, match="Table silver/plain must have the columns"):
        lake.write(PLAIN, schema.empty_table())
    assert _words(lake) == ["kept"]


@pytest.mark.both_engines
@pytest.mark.parametrize("source", ["frame", "arrow"])
@pytest.mark.parametrize(("first", "then"), [FORMATS, FORMATS[::-1]])
def test_a_table_does_not_change_its_format(make_lakehouse: MakeLakehouse, first: str, then: str, source: str) -> None:
    before, after = make_lakehouse(storage_format=first), make_lakehouse(storage_format=then)
    before.write(PLAIN, _plain("kept"))
    data = _plain("lost") if source == "arrow" else after.read(PLAIN.name)
    with pytest.raises(
        LakehouseError, match=rf"is a {first} table; move it away before writing silver/plain as {then}"
    ):
        after.write(PLAIN, data)
    assert _words(after) == ["kept"]


def test_a_folder_that_holds_something_else_is_not_overwritten(lake: Lakehouse) -> None:
    notes = lake.path(PLAIN.name, "notes.txt")
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    with pytest.raises(LakehouseError, match=r"would replace .*notes\.txt, which is no part of a table"):
        lake.write(PLAIN, _plain("new"))
    assert notes.read_text() == "mine"


def test_a_file_where_the_table_should_lie_is_not_overwritten(lake: Lakehouse) -> None:
    path = lake.path(PLAIN.name)
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(LakehouseError, match=r"would replace .*plain, which is no part of a table"):
        lake.write(PLAIN, _plain("new"))
    assert path.read_text() == "mine"


# What fails on the way


@pytest.mark.parametrize("spec", [PLAIN, DATED], ids=["plain", "partitioned"])
def test_a_source_that_breaks_midway_surfaces_as_itself_and_leaves_the_table(lake: Lakehouse, spec: TableSpec) -> None:
    schema = {PLAIN.name: PLAIN_ARROW, DATED.name: DATED_ARROW}[spec.name]
    kept = pa.Table.from_pylist([{"id": 1, "word": "kept", "year": 1999, "month": 1}], schema=schema)
    lake.write(spec, kept)
    before = _files(lake.root)
    with pytest.raises(SourceBrokeError, match=r"^line 3 of ratings\.csv has no rating$"):
        lake.write(spec, _breaks_midway(schema))
    assert [row["id"] for row in lake.dataset(spec.name).to_table().to_pylist()] == [1]
    assert lake.read(spec.name).count() == lake.row_count(spec.name) == 1
    if lake.settings.storage.format == "parquet":
        assert _files(lake.root) == before
    else:
        assert lake.version(spec.name) == 0


def test_a_first_write_that_fails_leaves_no_table_and_no_debris(lake: Lakehouse) -> None:
    with pytest.raises(SourceBrokeError):
        lake.write(PLAIN, _breaks_midway())
    assert not lake.exists(PLAIN.name)
    assert _files(lake.root) == set()


@pytest.mark.both_engines
@pytest.mark.parametrize("earlier", [True, False], ids=["over a table", "first"])
def test_an_engine_job_that_fails_leaves_what_was_there(lake: Lakehouse, earlier: bool) -> None:
    if earlier:
        lake.write(PLAIN, _plain("kept"))
    rows = lake.engine.session.range(1000, numPartitions=4)
    fails_late = rows.selectExpr("int(id) id", "if(id < 990, 'new', raise_error('broken row')) word")
    with pytest.raises(Exception, match="broken row"):
        lake.write(PLAIN, fails_late)
    assert lake.exists(PLAIN.name) == earlier
    if earlier:
        assert _words(lake) == ["kept"]
        assert lake.row_count(PLAIN.name) == 1
    lake.write(PLAIN, _plain("next"))
    assert _words(lake) == ["next"]


@pytest.mark.both_engines
def test_files_that_a_killed_delta_writer_left_are_not_read(lakehouse: Lakehouse) -> None:
    lakehouse.write(PLAIN, _plain("kept"))
    pq.write_table(_plain("orphan"), lakehouse.path(PLAIN.name, "part-00000-orphan.parquet"))
    assert _words(lakehouse) == ["kept"]
    assert lakehouse.row_count(PLAIN.name) == 1
    assert lakehouse.dataset(PLAIN.name).count_rows() == 1


KILLED_WRITER = """
import os, signal, sys
import pyarrow as pa
from pathlib import Path
from resources.tables.lakehouse import Lakehouse
from resources.tables.files import TableSpec
from resources.engine import Engine
from resources.settings import load_settings
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

root, storage_format, moment = sys.argv[1:]
settings = load_settings(lakehouse_path=root, storage_format=storage_format)
spec = TableSpec("silver/plain", StructType([StructField("id", IntegerType()), StructField("word", StringType())]))
schema = pa.schema([("id", pa.int32()), ("word", pa.string())])

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def batches():
    yield pa.RecordBatch.from_pylist([{"id": 7, "word": "new"}], schema=schema)
    if moment == "while the rows are read":
        die()

rename = Path.rename
def rename_then_die(self, target):
    rename(self, target)
    if moment == "between the two renames":
        die()
Path.rename = rename_then_die

Lakehouse.open(settings).write(spec, pa.RecordBatchReader.from_batches(schema, batches()))
"""


def _write_and_be_killed(lake: Lakehouse, moment: str) -> None:
    arguments = [str(lake.root), lake.settings.storage.format, moment]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER, *arguments], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("earlier", [True, False], ids=["over a table", "first"])
def test_a_writer_killed_while_it_reads_leaves_what_was_there(lake: Lakehouse, earlier: bool) -> None:
    if earlier:
        lake.write(PLAIN, _plain("kept"))
    _write_and_be_killed(lake, "while the rows are read")
    assert lake.exists(PLAIN.name) == earlier
    if earlier:
        assert _words(lake) == ["kept"]
    lake.write(PLAIN, _plain("next"))
    assert _words(lake) == ["next"]
    assert [path.name for path in lake.path("silver").iterdir()] == ["plain"]


def test_a_writer_killed_between_the_two_renames_loses_nothing(make_lakehouse: MakeLakehouse) -> None:
    lake = make_lakehouse(storage_format="parquet")
    lake.write(PLAIN, _plain("kept", "too"))
    _write_and_be_killed(lake, "between the two renames")
    assert not lake.path(PLAIN.name).exists()
    assert lake.exists(PLAIN.name)
    assert _words(lake) == ["kept", "too"]
    assert lake.row_count(PLAIN.name) == lake.dataset(PLAIN.name).count_rows() == 2
    assert lake.version(PLAIN.name) is None


def test_what_a_killed_writer_left_survives_a_writer_that_fails_and_goes_with_one_that_does_not(
    make_lakehouse: MakeLakehouse,
) -> None:
    lake = make_lakehouse(storage_format="parquet")
    lake.write(PLAIN, _plain("kept"))
    _write_and_be_killed(lake, "between the two renames")
    with pytest.raises(SourceBrokeError):
        lake.write(PLAIN, _breaks_midway())
    assert _words(lake) == ["kept"]
    lake.write(PLAIN, _plain("next"))
    assert _words(lake) == ["next"]
    assert [path.name for path in lake.path("silver").iterdir()] == ["plain"]


@pytest.mark.both_engines
def test_a_reader_sees_the_old_table_until_the_new_one_is_complete(
    make_lakehouse: MakeLakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lakehouse(storage_format="parquet")
    lake.write(PLAIN, _plain("old"))
    seen = []
    rename = Path.rename

    def look_around(self: Path, target: Path) -> Path:
        seen.append(_words(lake))
        renamed = rename(self, target)
        seen.append(_words(lake))
        return renamed

    def batches() -> Iterator[pa.RecordBatch]:
        seen.append(_words(lake))
        yield from _plain("new").to_batches()

    monkeypatch.setattr(Path, "rename", look_around)
    lake.write(PLAIN, pa.RecordBatchReader.from_batches(PLAIN_ARROW, batches()))
    assert seen == [["old"]] * 4 + [["new"]]


# Two writers


LOCK_HOLDER = """
import sys
from resources.tables.lakehouse import Lakehouse
from resources.engine import Engine
from resources.settings import load_settings

settings = load_settings(lakehouse_path=sys.argv[1])
with Lakehouse.open(settings).lock(sys.argv[2]):
    print("inside", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def hold_lock(lakehouse: Lakehouse) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Start a process that holds a table's lock until it reads a line."""
    holders = []

    def hold(table: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", LOCK_HOLDER, str(lakehouse.root), table]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout
        assert holder.stdout.readline() == "inside\n"
        return holder

    yield hold
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_a_table_has_one_writer_at_a_time_whichever_process_it_is_in(
    lakehouse: Lakehouse, hold_lock: Callable[[str], "subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = hold_lock(PLAIN.name)
    flock = fcntl.flock
    refused = []

    def let_go_when_it_is_refused(handle: Any, operation: int) -> None:
        try:
            flock(handle, operation)
        except BlockingIOError:
            refused.append(lakehouse.exists(PLAIN.name))
            holder.communicate("go on\n")
            raise

    monkeypatch.setattr(fcntl, "flock", let_go_when_it_is_refused)
    lakehouse.write(PLAIN, _plain("mine"))
    assert refused == [False]
    assert _words(lakehouse) == ["mine"]


@pytest.fixture
def impatient(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    """The lakehouse, whose writers hardly wait for others."""
    return make_lakehouse(lock_timeout_seconds=0.05)


def test_a_writer_does_not_wait_for_ever_and_leaves_the_table_as_it_was(
    impatient: Lakehouse, hold_lock: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    holder = hold_lock(PLAIN.name)
    with pytest.raises(LockError, match=f"locked by process {holder.pid} .* not free within 0.05 seconds"):
        impatient.write(PLAIN, _plain("mine"))
    assert not impatient.exists(PLAIN.name)


def test_a_writer_of_one_table_does_not_wait_for_that_of_another(
    impatient: Lakehouse, hold_lock: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    hold_lock(DATED.name)
    impatient.write(PLAIN, _plain("mine"))
    assert _words(impatient) == ["mine"]


def test_a_thread_that_holds_the_lock_takes_it_again_and_keeps_it_to_the_end(impatient: Lakehouse) -> None:
    def try_elsewhere() -> list[Exception]:
        refused: list[Exception] = []

        def attempt() -> None:
            try:
                with impatient.lock(PLAIN.name):
                    pass
            except LockError as error:
                refused.append(error)

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        return refused

    with impatient.lock(PLAIN.name):
        impatient.write(PLAIN, _plain("held"))
        assert try_elsewhere()
    assert not try_elsewhere()


def test_a_killed_writer_does_not_keep_its_lock(
    impatient: Lakehouse, hold_lock: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    holder = hold_lock(PLAIN.name)
    holder.kill()
    holder.wait()
    impatient.write(PLAIN, _plain("mine"))
    assert _words(impatient) == ["mine"]


def test_a_write_that_failed_does_not_keep_the_lock(lakehouse: Lakehouse) -> None:
    with pytest.raises(SourceBrokeError):
        lakehouse.write(PLAIN, _breaks_midway())
    lakehouse.write(PLAIN, _plain("mine"))
    assert _words(lakehouse) == ["mine"]


# Paths that are not the platform's own tables


@pytest.mark.both_engines
def test_a_frame_can_be_written_to_any_folder_and_read_from_it(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "train"
    frame = engine.session.createDataFrame([(1, "one")], PLAIN.schema)
    write_frame(engine, PLAIN, path, frame, "parquet")
    assert [tuple(row) for row in read_path(engine, path).collect()] == [(1, "one")]
    assert table_exists(path)
    assert table_row_count(path) == 1


@pytest.mark.both_engines
@pytest.mark.parametrize("storage_format", ["delta", "parquet"])
def test_a_lakehouse_may_have_spaces_quotes_and_foreign_letters_in_its_path(
    engine: Engine, tmp_path: Path, storage_format: str
) -> None:
    root = tmp_path / "o'brien's \"own\" lake no. 1, größer"
    lakehouse = Lakehouse(load_settings(lakehouse_path=root, storage_format=storage_format), engine)
    for number in (1, 2):
        frame = engine.session.createDataFrame([(number, "one")], PLAIN.schema)
        lakehouse.write(PLAIN, frame)
        assert [row[0] for row in lakehouse.read(PLAIN.name).collect()] == [number]
    assert lakehouse.row_count(PLAIN.name) == 1
    assert [path.name for path in tmp_path.iterdir()] == [root.name]


def test_a_folder_of_other_parquet_files_counts_as_a_table(tmp_path: Path, engine: Engine) -> None:
    pq.write_table(_plain("one", "two"), tmp_path / "ratings.parquet")
    assert table_exists(tmp_path)
    assert table_row_count(tmp_path) == 2
    assert read_path(engine, tmp_path).count() == 2


def test_a_parquet_file_that_is_damaged_is_not_passed_over(tmp_path: Path) -> None:
    pq.write_table(_plain("one"), tmp_path / "good.parquet")
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "good.parquet").read_bytes()[:-20])
    with pytest.raises(pa.ArrowInvalid):
        table_row_count(tmp_path)


# Small files


def test_a_json_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gold" / "champion.json"
    write_json(path, {"version": "old"})
    seen = []
    replace = Path.replace

    def look_then_replace(self: Path, target: Path) -> Path:
        seen.append((json.loads(path.read_text()), json.loads(self.read_text())))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look_then_replace)
    write_json(path, {"version": "new"})
    assert seen == [({"version": "old"}, {"version": "new"})]
    assert json.loads(path.read_text()) == {"version": "new"}
    assert list(path.parent.iterdir()) == [path]


def test_keys_of_a_json_file_keep_their_order(tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", {"b": 1, "a": 2})
    assert list(json.loads((tmp_path / "report.json").read_text())) == ["b", "a"]


@pytest.mark.parametrize("document", [{"x": object()}, {"x": {1, 2}}])
def test_what_is_not_json_leaves_the_file_as_it_was(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "report.json"
    write_json(path, {"version": "kept"})
    with pytest.raises(TypeError):
        write_json(path, document)
    assert json.loads(path.read_text()) == {"version": "kept"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_small_file_that_cannot_be_finished_leaves_the_old_one_and_no_debris(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "report.md"
    write_text_atomically(path, "kept")
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_text_atomically(path, "new")
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_document_is_read_back_as_it_was(tmp_path: Path, document: Any) -> None:
    write_json(tmp_path / "any.json", document)
    assert json.loads((tmp_path / "any.json").read_text()) == document


def test_arrow_takes_memory_from_the_c_library_unless_another_pool_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pools: list[pa.MemoryPool] = []
    monkeypatch.setattr(pa, "set_memory_pool", pools.append)
    Lakehouse.open(load_settings())
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    Lakehouse.open(load_settings())
    assert [pool.backend_name for pool in pools] == ["system"]
