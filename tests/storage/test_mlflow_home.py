"""MLflow's store in the lakehouse is copied and moved with it: it never writes where it came from, and works here."""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from resources.calls.outside import shared_process
from resources.locking.locks import LockError
from resources.mlflow.home import LOCATIONS, MlflowHome
from resources.mlflow.mirror import MlflowTracking
from resources.mlflow.shown import VersionRecord
from resources.settings import load_settings

FIRST, SECOND = "20250101_000001", "20250101_000002"


def tracking_of(lake: Path) -> MlflowTracking:
    return MlflowTracking(load_settings(lakehouse_path=lake))


def record(folder: Path, version: str) -> VersionRecord:
    files = folder / "to_log" / version
    (files / "native" / "deep").mkdir(parents=True, exist_ok=True)
    (files / "model.json").write_text(version)
    (files / "native" / "deep" / "part").write_bytes(b"0123")
    return VersionRecord(version, {"rank": 4}, {"rmse": 0.9}, files)


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def locations(lake: Path) -> set[str]:
    """Every place that the sqlite file names."""
    with closing(sqlite3.connect(lake / "mlflow" / "mlflow.db")) as connection:
        found = [row for each in LOCATIONS for row in connection.execute(f"SELECT {each[1]} FROM {each[0]}")]
    return {location for (location,) in found if location}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lakehouse whose store holds one version, the champion."""
    folder = tmp_path_factory.mktemp("filled")
    tracking = tracking_of(folder / "lake")
    assert tracking.log_version(record(folder, FIRST))
    tracking.mark_champion(FIRST)
    return folder / "lake"


@pytest.fixture
def original(filled: Path, tmp_path: Path) -> Path:
    """The same in the test's own folder, as if it had been made there."""
    lake = Path(shutil.copytree(filled, tmp_path / "lake of origin"))
    MlflowHome(lake).move_here(5)
    return lake


def test_all_that_the_store_names_lies_in_its_lakehouse(original: Path) -> None:
    found = locations(original)
    assert len(found) >= 4
    assert {location for location in found if not location.startswith((original / "mlflow").as_uri())} == set()


def test_logging_into_a_copy_leaves_every_byte_of_the_original(original: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(original, tmp_path / "copy"))
    before = hashes(original)
    tracking = tracking_of(copy)
    run_id = tracking.log_version(record(tmp_path, SECOND))
    tracking.mark_champion(SECOND, previous=FIRST)
    assert tracking.log_run("tuning", {}, {})
    assert hashes(original) == before
    assert (copy / "mlflow" / "artifacts" / str(run_id) / "artifacts" / "model" / "model.json").read_text() == SECOND
    assert {place for place in locations(copy) if not place.startswith((copy / "mlflow").as_uri())} == set()


@pytest.mark.parametrize("how", ["copied, and the original removed", "moved"])
def test_a_store_works_without_the_place_that_it_came_from(original: Path, tmp_path: Path, how: str) -> None:
    here = tmp_path / "here"
    if how == "moved":
        original.rename(here)
    else:
        shutil.copytree(original, here)
        shutil.rmtree(original)
    (tmp_path / "back").mkdir()
    folder = tracking_of(here).fetch_version(FIRST, tmp_path / "back")
    assert folder is not None
    assert hashes(folder).keys() == {"model.json", "native/deep/part"}
    assert (folder / "model.json").read_text() == FIRST
    assert tracking_of(here).log_version(record(tmp_path, SECOND))
    assert not original.exists()


def test_a_location_elsewhere_is_refused_with_what_to_do_and_nothing_is_written_there(
    original: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    with closing(sqlite3.connect(original / "mlflow" / "mlflow.db")) as connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", (elsewhere.as_uri(),))
        connection.commit()
    with pytest.warns(
        UserWarning, match=rf"its experiment keeps artifacts in {elsewhere.as_uri()}, outside of.*Rename"
    ):
        assert tracking_of(original).log_version(record(tmp_path, SECOND)) is None
    assert not elsewhere.exists()


@pytest.mark.parametrize("location", ["s3://bucket/mlflow/artifacts/1", "mlflow-artifacts:/0"])
def test_what_is_no_folder_of_this_machine_stays_as_it_is(original: Path, location: str) -> None:
    home = MlflowHome(original)
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", (location,))
        connection.commit()
    home.move_here(5)
    assert location in locations(original)
    home.require_here(location)


def test_a_store_that_is_where_it_was_is_not_changed(original: Path) -> None:
    assert MlflowHome(original).move_here(5) == 0


def test_a_store_in_a_lakehouse_inside_of_anothers_artifacts_is_told_from_it(original: Path, tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "mlflow" / "artifacts" / "lake"
    shutil.copytree(original, inner)
    MlflowHome(inner).move_here(5)
    assert {place for place in locations(inner) if not place.startswith((inner / "mlflow").as_uri())} == set()


def test_tables_that_a_killed_process_left_half_made_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "lake" / "mlflow"
    folder.mkdir(parents=True)
    (folder / ".mlflow.db.0123").write_bytes(b"half")
    tracking = tracking_of(tmp_path / "lake")
    assert tracking.log_run("a", {}, {})
    assert {path.name for path in folder.iterdir()} <= {"mlflow.db", ".lock", "artifacts"}


def test_a_store_that_is_removed_while_the_platform_runs_is_made_again(original: Path) -> None:
    tracking: Any = tracking_of(original)
    assert tracking.log_run("a", {}, {})
    shutil.rmtree(original / "mlflow")
    assert tracking.log_run("b", {}, {})
    assert (original / "mlflow" / "mlflow.db").exists()


@pytest.mark.parametrize("after", ["removed", "replaced by a copy"])
def test_a_store_that_goes_between_a_runs_start_and_its_first_call_is_not_written_to(
    original: Path, tmp_path: Path, after: str
) -> None:
    lake = original.rename(tmp_path / "lake")  # an address without a space: that of one with is not the same again
    copy = shutil.copytree(lake / "mlflow", tmp_path / "copy")
    shared_process("mlflow").stop()
    tracking: Any = tracking_of(lake)
    tracking.begin()
    shared_process("mlflow").call("resources.mlflow.client:import_all", seconds=120)  # it waits until the store is open
    shutil.rmtree(lake / "mlflow")
    if after == "replaced by a copy":
        copy.rename(lake / "mlflow")
    run_id = tracking.log_run("a", {}, {})
    with closing(sqlite3.connect(lake / "mlflow" / "mlflow.db")) as connection:
        assert connection.execute("SELECT name FROM runs WHERE run_uuid = ?", (run_id,)).fetchall() == [("a",)]


def test_the_stores_lock_is_never_written_through_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "lake" / "mlflow"
    folder.mkdir(parents=True)
    (tmp_path / "precious").write_text("of someone")
    (folder / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(LockError, match=r"\.lock is, or lies in, a link"):
        MlflowHome(tmp_path / "lake").create()
    assert (tmp_path / "precious").read_text() == "of someone"
