"""DAGSTER_HOME: made by many at once, mended where that went wrong, and refused in one line."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from resources.dagster_home import DATABASES, HomeError, mend_versions, open_instance

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 6
# Each waits until all are ready, so that they meet at the first initialisation.
TOGETHER = """
import sys, time
from pathlib import Path
import dagster
from resources.dagster_home import open_instance
ready, go = Path(sys.argv[1]), Path(sys.argv[2])
ready.touch()
while not go.exists(): time.sleep(0.001)
with {opened} as instance:
    instance.get_runs(limit=1), instance.fetch_materializations(dagster.AssetKey("a"), limit=1)
"""


def versions(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT version_num FROM alembic_version")]


def note_another(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO alembic_version VALUES ('5771160a95ad')")


@pytest.mark.slow
@pytest.mark.parametrize("door", ["our own", "dagster's, with our dagster.yaml"])
def test_processes_that_start_at_once_on_a_fresh_home_all_find_it_made(home: Path, tmp_path: Path, door: str) -> None:
    opened = "open_instance()"
    if door != "our own":
        shutil.copy(ROOT / "dagster.yaml", home)
        opened = "dagster.DagsterInstance.get()"
    go, ready = tmp_path / "go", [tmp_path / f"ready-{number}" for number in range(AT_ONCE)]
    code = TOGETHER.format(opened=opened)
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(mine), str(go)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for mine in ready
    ]
    while not all(mine.exists() for mine in ready):
        assert all(process.poll() is None for process in processes)
    go.touch()
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert [(said, code) for said, code in ended if code] == []
    assert all(len(versions(home / name)) == 1 for name in DATABASES)


def test_a_home_opens_by_the_address_of_its_storage_that_earlier_releases_wrote_into_it(home: Path) -> None:
    (home / "dagster.yaml").write_text(
        "storage: {custom: {module: resources.dagster_home, class: LocalStorage, config: {}}}"
    )

    with open_instance() as instance:
        assert instance.get_runs() == []


def test_a_home_with_two_versions_is_mended_by_the_next_command(home: Path) -> None:
    with open_instance():
        before = {name: versions(home / name) for name in DATABASES}
    note_another(home / DATABASES[0])
    note_another(home / DATABASES[2])
    with pytest.raises(Exception, match="more than one head"):
        dg.DagsterInstance.get()
    with open_instance() as instance:
        assert instance.get_runs(limit=1) == []
    assert {name: versions(home / name) for name in DATABASES} == before


def test_a_sound_home_is_left_alone(home: Path) -> None:
    with open_instance():
        assert mend_versions(home) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("relative/home", r"'relative/home' is not allowed: it must be an absolute path, such as .*/relative/home"),
        ("~/home", r"'~/home' is not allowed: it must be an absolute path, such as .*/home"),
        ("/nowhere/to/be/found", r"is no folder\. Make it: mkdir -p '/nowhere/to/be/found'\. Or unset DAGSTER_HOME"),
    ],
)
def test_a_home_that_dagster_would_not_take_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", value)
    with pytest.raises(HomeError, match=said):
        open_instance()


@pytest.mark.parametrize("text", ["storage: [", "run_launcher: 7", "storage:\n  nothing: {}\n"])
def test_a_damaged_dagster_yaml_is_named(home: Path, text: str) -> None:
    (home / "dagster.yaml").write_text(text)
    with pytest.raises(
        HomeError, match=r"home/dagster\.yaml can't be used: .+\. Mend it, or copy the project's"
    ) as found:
        open_instance()
    assert "\n" not in str(found.value)


def test_a_damaged_database_is_told_from_a_damaged_dagster_yaml(home: Path) -> None:
    with open_instance():
        pass
    (home / DATABASES[0]).write_bytes(os.urandom(4096))
    with pytest.raises(HomeError, match=r"DAGSTER_HOME='.*home' can't be used: .*not a database"):
        open_instance()


def test_without_a_home_runs_are_recorded_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance() as instance:
        assert instance.is_ephemeral
