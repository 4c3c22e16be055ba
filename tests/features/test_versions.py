"""Versions of the store: written beside, put in place at once; whatever goes wrong, readers have what they had."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.features import run, versions
from reco_assets.features.declarations import FEATURES
from reco_assets.features.finding import FeatureCheckError
from reco_assets.features.run import compute_store
from reco_assets.features.store import FeatureStore, FeatureStoreError, store_path, version_file, versions_in
from resources.databases import DatabaseError
from resources.files import write_json
from resources.tables.lakehouse import Lakehouse
from tests.features.conftest import Fill

RATED = [(user, movie, 0.5 + user % 10 / 2, user + movie) for user in range(1, 40) for movie in (10, 20)]

COMPUTE = """
import sys
from reco_assets.features.run import compute_store
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse
{before}
compute_store(Lakehouse.open(load_settings(lakehouse_path=sys.argv[1])))
"""
LITTLE_SPACE = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))"
STOP_WHEN_WRITTEN = """
import signal
from reco_assets.features import versions
versions._require_sound = lambda *_: (print("written", flush=True), signal.pause())
"""
HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def held_open(path: Path) -> Iterator[int]:
    """Let another process hold a DuckDB file open for writing; gives its id."""
    with python(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
        holder.communicate()


@pytest.fixture
def lakehouse_with_store(fill: Fill) -> Lakehouse:
    lakehouse = fill(RATED)
    compute_store(lakehouse)
    return lakehouse


def files(lakehouse: Lakehouse) -> list[str]:
    """All that lies where the store does."""
    folder = store_path(lakehouse.settings).parent
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def contents(lakehouse: Lakehouse, version: int) -> dict[str, Any]:
    """Every table and view of a version but what says which one it is."""
    with FeatureStore.open(store_path(lakehouse.settings), version) as store:
        names = store._query("SELECT table_name FROM information_schema.tables")["table_name"].to_pylist()
        return {name: store._query(f"SELECT * FROM {name}") for name in sorted(names) if name != "_store"}


def test_the_same_inputs_give_the_same_tables_in_the_same_order(lakehouse_with_store: Lakehouse) -> None:
    compute_store(lakehouse_with_store)
    assert contents(lakehouse_with_store, 1) == contents(lakehouse_with_store, 2)


def test_a_version_is_on_the_disk_before_its_name_and_its_name_before_the_link(
    fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    lakehouse = fill(RATED)
    path, flushed = store_path(lakehouse.settings), list[tuple[str, bool, bool]]()

    def noted(what: Path) -> None:
        flushed.append((what.name, version_file(path, 1).exists(), path.exists()))

    monkeypatch.setattr(versions, "flush_to_disk", noted)
    compute_store(lakehouse)
    assert flushed == [("store", False, False), ("versions", True, False), (path.parent.name, True, True)]


def test_a_reader_stays_with_its_version_while_another_is_computed(lakehouse_with_store: Lakehouse, fill: Fill) -> None:
    path = store_path(lakehouse_with_store.settings)
    with FeatureStore.open(path) as before:
        fill([(1, 10, 5.0, 0)])
        compute_store(lakehouse_with_store)
        with FeatureStore.open(path) as after:
            assert (before.version, before.interactions().num_rows) == (1, len(RATED))
            assert (after.version, after.interactions().num_rows) == (2, 1)


def test_a_version_is_read_as_its_features_were_declared_when_it_was_computed(
    fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    lakehouse = fill(RATED)
    otherwise = [replace(feature, at="42") if feature.name == "movie_age" else feature for feature in FEATURES]
    with monkeypatch.context() as then:
        then.setattr(run, "FEATURES", otherwise)
        compute_store(lakehouse)
    with FeatureStore.open(store_path(lakehouse.settings), 1) as store:
        assert store.features == tuple(otherwise)
        assert store.newest("movie", np.array([10]))["movie_age"].to_pylist() == [42]


def test_the_newest_versions_stay_and_those_that_a_model_was_trained_on(fill: Fill, lakehouse: Lakehouse) -> None:
    lakehouse.settings = lakehouse.settings.changed(feature_versions_kept=2)
    fill(RATED)
    write_json(lakehouse.path("gold", "models", "ncf", "20250101_000000", "model.json"), {"inputs": {run.STORE: 1}})
    removed = [compute_store(lakehouse).removed for _ in range(4)]
    assert removed == [[], [], [], [2]]
    assert versions_in(store_path(lakehouse.settings)) == [1, 3, 4]


def test_a_value_that_breaks_its_rule_leaves_the_store_as_it_was(
    lakehouse_with_store: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(lakehouse_with_store)
    monkeypatch.setattr(run, "FEATURES", [replace(feature, check="value > 9") for feature in FEATURES[:1]])
    with pytest.raises(
        FeatureCheckError, match=r"user_ratings breaks its rule \(value > 9\).*user_id=1, ts=2020-01-12"
    ):
        compute_store(lakehouse_with_store)
    assert files(lakehouse_with_store) == before


def test_a_planted_look_ahead_leaves_the_store_as_it_was(
    lakehouse_with_store: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(lakehouse_with_store)
    planted = replace(FEATURES[0], after="max(ratings) OVER (PARTITION BY user_id)")
    monkeypatch.setattr(run, "FEATURES", [planted])
    with pytest.raises(FeatureCheckError, match="user_ratings looks ahead"):
        compute_store(lakehouse_with_store)
    assert files(lakehouse_with_store) == before


def test_a_full_disk_is_told_with_the_file_and_leaves_nothing_behind(lakehouse_with_store: Lakehouse) -> None:
    before = files(lakehouse_with_store)
    child = python(COMPUTE.format(before=LITTLE_SPACE), lakehouse_with_store.root)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    second = version_file(store_path(lakehouse_with_store.settings), 2)
    assert f"DatabaseError: No space is left to write {second}. Free some, then run it again" in said
    assert files(lakehouse_with_store) == before


def test_what_a_killed_process_left_is_removed_by_the_next_one(lakehouse_with_store: Lakehouse) -> None:
    before = files(lakehouse_with_store)
    with python(COMPUTE.format(before=STOP_WHEN_WRITTEN), lakehouse_with_store.root) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.send_signal(signal.SIGKILL)
    left = set(files(lakehouse_with_store)) - set(before)
    assert any(name.startswith("versions/.2.duckdb.") for name in left)
    assert compute_store(lakehouse_with_store).version == 2
    assert files(lakehouse_with_store) == [*before, "versions/2.duckdb"]


def test_a_version_that_another_process_holds_open_is_told_and_does_not_stop_the_next(
    lakehouse_with_store: Lakehouse,
) -> None:
    path = store_path(lakehouse_with_store.settings)
    version_file(path, 1).chmod(0o644)  # as made, it is for reading alone
    with held_open(path) as holder:
        with pytest.raises(DatabaseError, match=rf"1\.duckdb is open for writing in process {holder} .*read only"):
            FeatureStore.open(path)
        assert compute_store(lakehouse_with_store).version == 2
        with FeatureStore.open(path) as store:
            assert store.version == 2


def test_a_file_that_the_platform_did_not_write_is_not_replaced(fill: Fill) -> None:
    lakehouse = fill(RATED)
    path = store_path(lakehouse.settings)
    path.parent.mkdir(parents=True)
    path.write_text("a person's own")
    with pytest.raises(FeatureStoreError, match="FEATURE_STORE_PATH"):
        compute_store(lakehouse)
    assert path.read_text() == "a person's own"


def test_the_store_lies_where_the_setting_says(fill: Fill, lakehouse: Lakehouse, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "features.duckdb"
    lakehouse.settings = lakehouse.settings.changed(feature_store_path=elsewhere)
    assert compute_store(fill(RATED)).path == elsewhere
    assert os.readlink(elsewhere) == "versions/1.duckdb"
    later = lakehouse.settings.changed()  # settings of a process that starts when the link is there
    assert store_path(later) == elsewhere


def test_a_version_that_is_gone_is_told(lakehouse_with_store: Lakehouse) -> None:
    with pytest.raises(FeatureStoreError, match=r"There is no version 7 of the feature store .* there are: 1"):
        FeatureStore.open(store_path(lakehouse_with_store.settings), 7)


def test_the_newest_version_that_is_gone_is_told_and_computing_makes_another(lakehouse_with_store: Lakehouse) -> None:
    path = store_path(lakehouse_with_store.settings)
    version_file(path, 1).unlink()
    with pytest.raises(FeatureStoreError, match=r"is gone: .*versions/1\.duckdb\. Make another: reco features compute"):
        FeatureStore.open(path)
    compute_store(lakehouse_with_store)
    FeatureStore.open(path).close()
