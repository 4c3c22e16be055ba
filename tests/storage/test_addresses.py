"""Tables lie below folders of any name, in both formats, or one line says which character keeps them from it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.types import IntegerType, StructField, StructType

from resources.engine import Engine
from resources.paths.addresses import is_plain, plain_address
from resources.settings import SettingsError, load_settings
from resources.tables.files import LakehouseError, TableSpec, dataset_at
from resources.tables.growth import Changes, commit_changes
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log
from resources.tables.upkeep import maintain_table
from resources.tables.writing import write_arrow, write_frame

SPEC = TableSpec(
    "silver/numbers", StructType([StructField("x", IntegerType()), StructField("year", IntegerType())]), ("year",)
)
ANYWHERE = [
    *("my lake", "com~apple~CloudDocs", "100%", "%zz", "a%2", "{a}", "{a,b}", "a*b", "*", "it's", 'a"b"'),
    *("ünï", "日本", "e\u0301", "\U0001f600", "\u00a0", "\u200b", " lead", "trail ", "dot.", "~", "$HOME", "a:b"),
    *("s3:x", "a;b", "a&b", "a=b", "a+b", "a@b", "(x)", "<x>", "`x`", "!x", "a,b", "-dash", "_under", ".hidden"),
    *("a..b", "x" * 200),
]
PARQUET_ONLY = [
    *(
        "%20",
        "a?b",
        "#1",
        "a%2Fb",
        "%41",
        "[1]",
        "a[",
        "]",
        "|",
        "^x",
        "back\\slash",
        "new\nline",
        "tab\tx",
        "\x01",
        "\x7f",
    ),
]


def rows(*values: int) -> pa.Table:
    numbers = pa.array(values, pa.int32())
    return pa.table({"x": numbers, "year": pa.array([2000 + value for value in values], pa.int32())})


def values(found: Any) -> list[int]:
    return sorted(row["x"] for row in found.to_pylist())


@pytest.fixture
def lake_below(tmp_path: Path, engine: Engine) -> Callable[..., Lakehouse]:
    """Make a lakehouse in a folder of this name."""

    def make(name: str, storage_format: str) -> Lakehouse:
        settings = load_settings(lakehouse_path=tmp_path / name / "lake", storage_format=storage_format)
        return Lakehouse(settings, engine)

    return make


def written_by_the_engine(lakehouse: Lakehouse, *numbers: int) -> None:
    lakehouse.write(SPEC, lakehouse.engine.session.createDataFrame(rows(*numbers).to_pylist(), SPEC.schema))


@pytest.mark.parametrize("name", ANYWHERE)
def test_delta_tables_lie_below_it(lake_below: Callable[..., Lakehouse], tmp_path: Path, name: str) -> None:
    lakehouse = lake_below(name, "delta")
    written_by_the_engine(lakehouse, 1, 2)
    first = lakehouse.version(SPEC.name)
    lakehouse.write(SPEC, rows(3))
    commit_changes(lakehouse, SPEC, Changes(rows(4), rows()), ["x"], "a")
    commit_changes(lakehouse, SPEC, Changes(rows(), rows(4)), ["x"])
    assert values(lakehouse.dataset(SPEC.name).to_table()) == [3, 4]
    assert values(lakehouse.read(SPEC.name).toArrow()) == [3, 4]
    assert values(lakehouse.read(SPEC.name, first).toArrow()) == [1, 2]
    assert values(lakehouse.dataset(SPEC.name, first).to_table()) == [1, 2]
    log = read_log(lakehouse, SPEC.name)
    assert (log.has("a"), log.epoch) == (True, 1)
    written_by_the_engine(lakehouse, 5)
    maintain_table(lakehouse, SPEC.name, [], retention_hours=0)
    assert (values(lakehouse.read(SPEC.name).toArrow()), lakehouse.row_count(SPEC.name)) == ([5], 1)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", [*ANYWHERE, *PARQUET_ONLY])
def test_parquet_tables_lie_below_it(lake_below: Callable[..., Lakehouse], tmp_path: Path, name: str) -> None:
    lakehouse = lake_below(name, "parquet")
    written_by_the_engine(lakehouse, 1, 2)
    assert values(lakehouse.read(SPEC.name).toArrow()) == values(lakehouse.dataset(SPEC.name).to_table()) == [1, 2]
    lakehouse.write(SPEC, rows(3))
    assert values(lakehouse.read(SPEC.name).toArrow()) == values(lakehouse.dataset(SPEC.name).to_table()) == [3]
    written_by_the_engine(lakehouse)
    assert (values(lakehouse.read(SPEC.name).toArrow()), lakehouse.row_count(SPEC.name)) == ([], 0)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", PARQUET_ONLY)
def test_where_no_delta_table_can_lie_the_settings_say_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(lakehouse_path=tmp_path / name)
    (line,) = str(raised.value).splitlines()
    assert line.startswith("LAKEHOUSE_PATH: ")
    assert "below which no Delta table can lie. Rename that folder, or set STORAGE_FORMAT=parquet." in line


def test_a_link_to_such_a_folder_is_no_way_around_it(tmp_path: Path) -> None:
    (tmp_path / "[1]").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "[1]")
    with pytest.raises(SettingsError, match=r"holds '\['"):
        load_settings(lakehouse_path=tmp_path / "link" / "lake")


@pytest.mark.parametrize("storage_format", ["delta", "parquet"])
def test_a_name_that_is_no_text_is_refused(tmp_path: Path, storage_format: str) -> None:
    with pytest.raises(SettingsError, match=r"holds the byte 0xff, which is no UTF-8\. Rename that folder\.$"):
        load_settings(lakehouse_path=tmp_path / os.fsdecode(b"\xff"), storage_format=storage_format)
    with pytest.raises(SettingsError, match="STREAMING_PATH: "):
        load_settings(streaming_path=tmp_path / os.fsdecode(b"\xff"))


@pytest.mark.parametrize("name", [*ANYWHERE, *PARQUET_ONLY])
def test_a_given_folder_may_have_such_a_name_itself(engine: Engine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "given" / name
    for number, write in enumerate((1, 2, 3)):
        if number % 2:
            write_arrow(SPEC, folder, rows(write), "parquet")
        else:
            write_frame(engine, SPEC, folder, engine.session.createDataFrame(rows(write)), "parquet")
        assert values(dataset_at(folder).to_table()) == [write]
    assert os.listdir(folder.parent) == [name]


@pytest.mark.parametrize("name", PARQUET_ONLY)
def test_a_given_delta_folder_of_such_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakehouseError, match="below which no Delta table can lie"):
        write_arrow(SPEC, tmp_path / name, rows(1), "delta")


_ADDRESS = (
    "import sys, pathlib; from resources.paths.addresses import plain_address; "
    "print(plain_address(pathlib.Path(sys.argv[1])))"
)


def test_the_links_go_with_the_process(tmp_path: Path) -> None:
    (tmp_path / "my lake").mkdir()
    done = subprocess.run([sys.executable, "-c", _ADDRESS, tmp_path / "my lake"], capture_output=True, check=True)
    address = Path(done.stdout.decode().strip())
    assert is_plain(address)
    assert not address.parent.exists()
    assert (tmp_path / "my lake").is_dir()


def test_a_path_that_is_not_made_yet_is_made_where_it_belongs(tmp_path: Path) -> None:
    Path(plain_address(tmp_path / "plain")).mkdir()
    (tmp_path / "my lake").mkdir()
    Path(plain_address(tmp_path / "my lake" / "table")).mkdir()
    assert (tmp_path / "plain").is_dir()
    assert (tmp_path / "my lake" / "table").is_dir()


@pytest.mark.both_engines
@pytest.mark.parametrize(("storage_format", "names"), [("delta", ANYWHERE), ("parquet", [*ANYWHERE, *PARQUET_ONLY])])
def test_either_engine_finds_its_way_through_all_of_them(
    lake_below: Callable[..., Lakehouse], storage_format: str, names: list[str]
) -> None:
    lakehouse = lake_below("/".join(names), storage_format)
    for numbers in ((1, 2), (3,)):
        written_by_the_engine(lakehouse, *numbers)
        assert values(lakehouse.read(SPEC.name).toArrow()) == list(numbers)
        assert values(lakehouse.dataset(SPEC.name).to_table()) == list(numbers)
