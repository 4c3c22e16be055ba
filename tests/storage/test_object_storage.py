"""Tables on object storage: where they lie, and that no writer loses anything there. On a real S3 server."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql.types import LongType, StructField, StructType

from reco_assets.batches.accepted import accepted
from reco_assets.build import build_definitions
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.pipelines.selections import ETL
from reco_assets.runner.run import materialize_assets
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import Settings
from resources.tables.files import ObjectStorageError, TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.upkeep import delta_tables, maintain_table

pytestmark = pytest.mark.slow

NUMBERS = TableSpec("silver/numbers", StructType([StructField("id", LongType())]))


def ids(*numbers: int) -> pa.Table:
    return pa.table({"id": pa.array(numbers, pa.int64())})


def found_in(lakehouse: Lakehouse, version: int | None = None) -> list[int]:
    return sorted(lakehouse.dataset(NUMBERS.name, version).to_table()["id"].to_pylist())


@pytest.fixture
def uri(bucket: str) -> str:
    return f"{bucket}/{uuid.uuid4().hex}"


@pytest.fixture
def there(make_lakehouse: Callable[..., Lakehouse], uri: str) -> Lakehouse:
    """A lakehouse whose tables lie on object storage."""
    return make_lakehouse(lakehouse_tables_uri=uri)


def test_of_a_table_on_object_storage_the_folder_holds_where_it_lies_and_no_more(there: Lakehouse, uri: str) -> None:
    there.write(NUMBERS, ids(1, 2))
    there.write(NUMBERS, ids(3))
    [note] = there.path(NUMBERS.name).iterdir()
    assert note.read_text().strip() == there.address(NUMBERS.name)
    assert there.address(NUMBERS.name).startswith(f"{uri}/silver/numbers-")
    assert (found_in(there), found_in(there, version=0)) == ([3], [1, 2])
    assert (there.version(NUMBERS.name), there.row_count(NUMBERS.name), list(delta_tables(there))) == (
        1,
        1,
        [NUMBERS.name],
    )


def test_the_engine_writes_and_reads_there_as_arrow_does(there: Lakehouse) -> None:
    there.write(NUMBERS, there.engine.session.range(3))
    there.write(NUMBERS, there.engine.session.range(5))
    assert found_in(there) == [0, 1, 2, 3, 4]
    assert sorted(row.id for row in there.read(NUMBERS.name, version=0).collect()) == [0, 1, 2]


def test_a_table_stays_where_it_lies_whatever_the_setting_says_later(
    make_lakehouse: Callable[..., Lakehouse], there: Lakehouse
) -> None:
    other = TableSpec("silver/others", NUMBERS.schema)
    make_lakehouse().write(other, ids(1))
    there.write(NUMBERS, ids(1))
    there.write(other, ids(2))
    make_lakehouse().write(NUMBERS, ids(2))
    assert there.address(other.name) == str(there.path(other.name))
    assert there.address(NUMBERS.name).startswith("s3://")
    assert (there.row_count(other.name), found_in(there), there.version(NUMBERS.name)) == (1, [2], 1)


def test_versions_that_models_name_read_the_same_after_maintenance(there: Lakehouse) -> None:
    for number in range(4):
        there.write(NUMBERS, ids(number))
    done = maintain_table(there, NUMBERS.name, {1}, retention_hours=0)
    assert (done.kept, done.removed) == ((1,), 2)
    assert (found_in(there), found_in(there, version=1)) == ([3], [1])
    assert there.read(NUMBERS.name, version=1).collect()[0].id == 1


APPENDS = """
import sys, pyarrow as pa
from deltalake import write_deltalake
first = int(sys.argv[2])
for number in range(first, first + 15):
    write_deltalake(sys.argv[1], pa.table({"id": [number]}), mode="append")
"""


def test_of_writers_that_no_lock_keeps_apart_each_row_is_there_once(there: Lakehouse) -> None:
    there.write(NUMBERS, ids(0))
    address = there.address(NUMBERS.name)
    writers = [subprocess.Popen([sys.executable, "-c", APPENDS, address, str(first)]) for first in (100, 200, 300)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    assert found_in(there) == [0, *range(100, 115), *range(200, 215), *range(300, 315)]
    assert there.version(NUMBERS.name) == 45


KILLED = """
import os, signal, sys, pyarrow as pa
from pyspark.sql.types import LongType, StructField, StructType
from resources.settings import load_settings
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

schema = pa.schema([("id", pa.int64())])

def batches():
    yield pa.RecordBatch.from_pydict({"id": [7]}, schema=schema)
    os.kill(os.getpid(), signal.SIGKILL)

settings = load_settings(lakehouse_path=sys.argv[1], lakehouse_tables_uri=sys.argv[2])
spec = TableSpec("silver/numbers", StructType([StructField("id", LongType())]))
Lakehouse.open(settings).write(spec, pa.RecordBatchReader.from_batches(schema, batches()))
"""


@pytest.mark.parametrize("before", [(), (1, 2)], ids=["first", "over a table"])
def test_a_writer_that_is_killed_leaves_what_was_there(there: Lakehouse, uri: str, before: tuple[int, ...]) -> None:
    if before:
        there.write(NUMBERS, ids(*before))
    done = subprocess.run([sys.executable, "-c", KILLED, str(there.root), uri], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert there.exists(NUMBERS.name) == bool(before)
    if before:
        assert found_in(there) == list(before)
    there.write(NUMBERS, ids(3))
    assert found_in(there) == [3]
    assert [path.name for path in there.path("silver").iterdir()] == ["numbers"]


def test_a_server_that_refuses_is_told_in_one_line_and_leaves_no_table(
    make_lakehouse: Callable[..., Lakehouse], bucket: str
) -> None:
    nowhere = make_lakehouse(lakehouse_tables_uri="s3://no-such-bucket/tables")
    with pytest.raises(
        ObjectStorageError, match=r"^Object storage failed: .*NoSuchBucket.* Check LAKEHOUSE_TABLES_URI"
    ):
        nowhere.write(NUMBERS, ids(1))
    assert not nowhere.exists(NUMBERS.name)


@pytest.fixture(scope="module")
def settings(
    bucket: str, tmp_path_factory: pytest.TempPathFactory, tiny_settings: Callable[..., Settings]
) -> Iterator[Settings]:
    """Of a small lakehouse on object storage whose main job has run."""
    made = tiny_settings(tmp_path_factory.mktemp("there") / "lake", lakehouse_tables_uri=f"{bucket}/{uuid.uuid4().hex}")
    materialize_assets(build_definitions, made, RECO_PIPELINE.assets)
    return made


def test_the_main_job_makes_the_same_tables_there(
    settings: Settings, tmp_path: Path, tiny_settings: Callable[..., Settings]
) -> None:
    here = tiny_settings(tmp_path / "lake")
    materialize_assets(build_definitions, here, ETL)
    for table in ("silver/ratings", "silver/train_ratings", "silver/test_ratings"):
        one, other = (Lakehouse.open(each).dataset(table).to_table() for each in (settings, here))
        order = [("user_id", "ascending"), ("movie_id", "ascending"), ("rating_ts", "ascending")]
        assert one.sort_by(order).equals(other.sort_by(order))
    assert not list(settings.storage.root.glob("*/*/*.parquet"))
    assert serving_store(settings).champion() is not None


def test_a_shifted_file_leads_to_a_model_trained_on_merged_tables_there(settings: Settings) -> None:
    simulate(settings, Simulation("history", 80, None, -1.5, 2), "shifted.csv")
    before = Lakehouse.open(settings).row_count("silver/train_ratings")
    job = build_definitions(settings).resolve_job_def("drift_detection_retrain_pipeline")
    assert job.execute_in_process().success
    facts = serving_store(settings).record(serving_store(settings).latest()).document()
    assert set(facts["metrics"]["by_origin"]) == {"history", "stream"}
    assert len(accepted(settings.storage.root)) == 1
    assert Lakehouse.open(settings).row_count("silver/train_ratings") > before
