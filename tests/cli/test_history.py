"""`reco history TABLE`: what happened to a table, by delta-rs or by Spark; and `reco --version`."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from reco_assets.cli.history import as_version

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
MOMENT = 1_795_716_526_813


@pytest.fixture
def table(tmp_path: Path) -> str:
    """silver/movies of the lakehouse that `reco` works on: written, then merged into, then with a row less."""
    path = str(tmp_path / "lake" / "silver" / "movies")
    write_deltalake(path, pa.table({"movie_id": [1, 2, 3]}))
    new = pa.table({"movie_id": [3, 4]})
    merge = DeltaTable(path).merge(new, "t.movie_id = s.movie_id", source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    DeltaTable(path).delete("movie_id = 1")
    return "silver/movies"


def test_each_version_says_how_many_rows_it_added_changed_and_removed(reco: Reco, table: str) -> None:
    found = json.loads(reco("history", table, "--json").stdout)["versions"]
    rows = [(each["version"], each["operation"], each["added"], each["changed"], each["removed"]) for each in found]
    assert rows == [
        (2, "DELETE", None, None, 1),
        (1, "MERGE", 1, 1, 0),
        (0, "WRITE (errorifexists)", 3, None, None),
    ]


def test_the_newest_versions_come_first_and_no_more_than_asked_for(reco: Reco, table: str) -> None:
    lines = reco("history", table, "--limit", "1").stdout.splitlines()
    assert sum("DELETE" in line for line in lines) == 1
    assert not any("MERGE" in line for line in lines)


@pytest.mark.parametrize(
    ("operation", "metrics", "rows"),
    [
        ("WRITE", {"numOutputRows": "5"}, (5, None, None)),
        (
            "MERGE",
            {
                "numTargetRowsInserted": "2",
                "numTargetRowsUpdated": "1",
                "numTargetRowsDeleted": "0",
                "numOutputRows": "9",
            },
            (2, 1, 0),
        ),
        ("VACUUM START", None, (None, None, None)),
    ],
)
def test_what_spark_counts_is_read_as_well(
    operation: str, metrics: dict[str, str] | None, rows: tuple[int | None, ...]
) -> None:
    found = as_version({"version": 7, "timestamp": MOMENT, "operation": operation, "operationMetrics": metrics})
    assert (found["added"], found["changed"], found["removed"]) == rows
    assert found["made"] == "2026-11-26T18:08:46Z"


def test_a_table_that_is_not_there_is_named(reco: Reco) -> None:
    assert "error: Table silver/nothing does not exist" in reco("history", "silver/nothing").stderr


def test_the_version_is_the_packages_and_that_of_its_code(reco: Reco) -> None:
    assert re.fullmatch(r"reco-assets \d+\.\d+\.\d+\+[0-9a-f]{10}\n", reco("--version").stdout)
