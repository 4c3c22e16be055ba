"""Dagster's own storage under DAGSTER_HOME: made by one process at a time, mended, and refused in one line.

Dagster makes its sqlite files without a lock. Of six processes that started together on a fresh home four failed, and
the versions that two of them had noted side by side stopped every later command ("more than one head present").

The dagster.yaml of every home names this module: moved, it would leave the homes there are unusable.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from resources.errors import RecoError
from resources.locking.locks import MAKING_SECONDS, held
from resources.orchestrator.dagster_private import (
    ConfigurableClassData,
    DagsterSqliteStorage,
    SqliteScheduleStorage,
    get_alembic_config,
    sqlite_run_storage,
)
from resources.orchestrator.kept_open import OpenEvents, OpenRuns

if TYPE_CHECKING:
    from dagster import DagsterInstance

HOME = "DAGSTER_HOME"
LOCK = ".initialising.lock"
# Where Dagster keeps the versions of its databases, below the home.
DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


class HomeError(RecoError):
    """DAGSTER_HOME can't be used; the message says why, and what to do."""


class LocalStorage(DagsterSqliteStorage):
    """Dagster's storage in sqlite files, which dagster.yaml names, for every command of Dagster that reads it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Not its own, which opens the files in Dagster's way.
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir, self._inst_data = base_dir, inst_data
        home = Path(base_dir)
        self._run_storage = OpenRuns.from_local(str(home / "history"))
        self._event_log_storage = OpenEvents(str(home / "history" / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(home / "schedules"))

    @classmethod
    def config_type(cls) -> Any:
        """Nothing to configure: it lies in DAGSTER_HOME."""
        return {}

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """Make the files, or open those there are."""
        with initialising(Path(base_dir)):
            return super().from_local(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, _config_value: Any) -> "LocalStorage":
        """As `from_local`, in DAGSTER_HOME; Dagster calls it where dagster.yaml names this class.

        `dagster dev` reads a dagster.yaml that lies in the current folder without a DAGSTER_HOME, too: then it is the
        folder that `make` takes for one.
        """
        return cls.from_local(os.environ.get(HOME) or str(Path.cwd() / ".dagster"), inst_data)


def open_instance() -> "DagsterInstance":
    """The instance of DAGSTER_HOME; without one, runs are recorded nowhere. Raises `HomeError`."""
    import dagster as dg

    if not os.environ.get(HOME):
        return dg.DagsterInstance.ephemeral()
    home = checked_home(os.environ[HOME])
    try:
        # A home without our dagster.yaml has Dagster's own storage, which locks nothing.
        with initialising(home):
            return dg.DagsterInstance.get()
    except Exception as error:  # of yaml, Dagster's configuration, sqlite, Alembic or the operating system
        raise HomeError(_why(home, error)) from error


def checked_home(value: str) -> Path:
    """DAGSTER_HOME as a folder. Raises `HomeError` where Dagster would not take it."""
    home = Path(value)
    if not home.is_absolute():
        absolute = home.expanduser().absolute()
        raise HomeError(f"{HOME}={value!r} is not allowed: it must be an absolute path, such as {absolute}.")
    if not home.is_dir():
        raise HomeError(f"{HOME}={value!r} is no folder. Make it: mkdir -p '{home}'. Or unset {HOME}.")
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeError(f"{HOME}={value!r} can't be written to. Give this user the right to, or choose another folder.")
    return home


@contextmanager
def initialising(home: Path) -> Iterator[None]:
    """Hold the lock under which the storage is made or opened; whoever comes second finds it made."""
    home.mkdir(parents=True, exist_ok=True)
    with held(home.resolve() / LOCK, f"the storage in {home}", MAKING_SECONDS):
        mend_versions(home)
        yield


def mend_versions(home: Path) -> list[Path]:
    """Leave one version in each database that two processes made side by side; returns those mended.

    Both processes made the tables of the newest version, whichever version each of them noted.
    """
    return [path for path in (home / name for name in DATABASES) if path.is_file() and _mend(path)]


def _mend(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            noted = {row[0] for row in database.execute("SELECT version_num FROM alembic_version")}
        except sqlite3.DatabaseError:
            return False  # no such table: Dagster makes it
        if len(noted) < 2:
            return False
        newest = _newest()
        with database:
            database.execute("DELETE FROM alembic_version")
            database.execute("INSERT INTO alembic_version VALUES (?)", (newest,))
    return True


def _newest() -> str:
    from alembic.script import ScriptDirectory

    # All three databases share one line of versions.
    return str(ScriptDirectory.from_config(get_alembic_config(sqlite_run_storage.__file__)).get_current_head())


def _why(home: Path, error: Exception) -> str:
    told = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, sqlite3.Error) or "sqlite3" in told or "disk" in told:
        return f"{HOME}={str(home)!r} can't be used: {told}. Free its disk or mend its files, or choose another folder."
    return f"{home / 'dagster.yaml'} can't be used: {told}. Mend it, or copy the project's dagster.yaml over it."
