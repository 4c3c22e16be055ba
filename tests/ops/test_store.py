"""The table ops/runs: what processes add at once is all there, and what is old goes."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reco_assets.measured_tables import RUNS
from reco_assets.ops.stage import Stage, Written
from reco_assets.ops.store import forget_stages, note_stages, stages_since
from resources.settings import SettingsError
from resources.tables import journal
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from reco_assets.ops.stage import Stage
from reco_assets.ops.store import note_stages
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse
lakehouse = Lakehouse.open(load_settings(lakehouse_path=Path(sys.argv[1])))
for number in range(15):
    at = datetime(2026, 5, 1, 12, number, tzinfo=UTC)
    note_stages(lakehouse, [Stage(sys.argv[2], "job", str(number), at, "succeeded", 1.0, 1.0, 1.0)])
"""


def stage(name: str, at: datetime = NOW) -> Stage:
    written = (Written("silver/ratings", 3, 300), Written("gold/page", None, 20))
    return Stage("run", "job", name, at, "succeeded", 1.5, 2.5, 99.0, written, "v1", ("b2", "b1"), 2)


@pytest.mark.both_engines
def test_stages_come_back_as_they_were_noted_and_as_plain_columns(lakehouse: Lakehouse) -> None:
    note_stages(lakehouse, [stage("one")])
    note_stages(lakehouse, [stage("two", NOW + timedelta(minutes=1))])
    assert stages_since(lakehouse, LONG_AGO) == [stage("one"), stage("two", NOW + timedelta(minutes=1))]
    assert lakehouse.read(RUNS.name).selectExpr("sum(rows)", "sum(bytes)").collect()[0][:] == (6, 640)


def test_no_stage_is_no_commit(lakehouse: Lakehouse) -> None:
    note_stages(lakehouse, [])
    assert not lakehouse.exists(RUNS.name)
    assert stages_since(lakehouse, LONG_AGO) == []


@pytest.mark.slow
def test_two_processes_that_add_at_once_lose_nothing(lakehouse: Lakehouse) -> None:
    command = [sys.executable, "-c", WRITER, str(lakehouse.root)]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "two")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    noted = {(each.run_id, each.stage) for each in stages_since(lakehouse, LONG_AGO)}
    assert noted == {(run, str(number)) for run in ("one", "two") for number in range(15)}


def test_stages_from_before_a_moment_are_forgotten_and_others_stay(lakehouse: Lakehouse) -> None:
    note_stages(lakehouse, [stage("old", NOW - timedelta(days=2)), stage("new")])
    assert forget_stages(lakehouse, NOW - timedelta(days=1)) == 1
    assert [each.stage for each in stages_since(lakehouse, LONG_AGO)] == ["new"]
    assert forget_stages(lakehouse, NOW - timedelta(days=1)) == 0


def test_small_files_are_taken_together_now_and_then(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "TAKEN_TOGETHER", 4)
    for number in range(5):
        note_stages(lakehouse, [stage(str(number))])
    table = lakehouse.delta_table(RUNS.name)
    assert table is not None
    assert len(table.file_uris()) == 1
    assert len(stages_since(lakehouse, LONG_AGO)) == 5


def test_parquet_tables_have_no_journal(make_lakehouse: Callable[..., Lakehouse]) -> None:
    with pytest.raises(LakehouseError, match="STORAGE_FORMAT=delta"):
        note_stages(make_lakehouse(storage_format="parquet"), [stage("one")])


def test_a_price_below_nothing_is_refused(make_lakehouse: Callable[..., Lakehouse]) -> None:
    with pytest.raises(SettingsError, match="COST_PER_CPU_HOUR"):
        make_lakehouse(cost_per_cpu_hour=-1)
