"""MLflow's own store in the lakehouse: one sqlite file and a folder of artifacts, which are copied and moved together.

MLflow keeps the absolute path of every experiment, run and version. So whoever opens the store puts those right first:
a copy never writes into the lakehouse that it was copied from, and works without it.
"""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from resources.errors import RecoError
from resources.files import staged
from resources.locking.locks import MAKING_SECONDS, held
from resources.paths.addresses import plain_address

FOLDER, DATABASE, ARTIFACTS = "mlflow", "mlflow.db", "artifacts"
# Every column of MLflow 3.17 that holds where artifacts are.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
_IN_A_LAKEHOUSE = re.compile(rf"(?:file://)?/.*/{FOLDER}/{ARTIFACTS}(?P<below>/.*)?")
_UNUSED = re.compile(r"(?:file://)?/.*/mlruns/0")  # MLflow gives its Default experiment a folder where it was started


def _sqlite_uri(database: Path) -> str:
    return f"sqlite:///{plain_address(database.parent)}/{database.name}"


class ForeignLocationError(RecoError):
    """MLflow would write outside of the lakehouse; the message says where, and what to do."""


@dataclass(frozen=True)
class MlflowHome:
    """The store of the lakehouse at `root`."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where all of it lies."""
        return self.root / FOLDER

    @property
    def database(self) -> Path:
        """The sqlite file."""
        return self.folder / DATABASE

    @property
    def artifacts(self) -> Path:
        """The folder of artifacts."""
        return self.folder / ARTIFACTS

    @property
    def uri(self) -> str:
        """The store as MLflow names it."""
        return _sqlite_uri(self.database)

    @property
    def identity(self) -> tuple[int, int] | None:
        """Which file the database is, whatever its name: device and inode; None where there is none."""
        try:
            found = self.database.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def create(self) -> None:
        """Make the sqlite file with MLflow's tables unless it is there, whole or not at all, and by one process.

        Raises `LockError` where another process is at it for too long, or the lock file is a link.
        """
        if self.database.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        # The folder may be a link, as to a larger disk; the lock in it may not.
        with held(self.folder.resolve() / ".lock", f"MLflow's store in {self.root}", MAKING_SECONDS):
            if not self.database.exists():
                self._create()

    def move_here(self, seconds: float) -> int:
        """Let all locations that an earlier place of the lakehouse left point below this one; how many those were.

        Raises `sqlite3.OperationalError` where another process keeps the file locked for so many seconds.
        """
        moved = 0
        with closing(sqlite3.connect(self.database, timeout=seconds, isolation_level=None)) as connection:
            connection.create_function("here", 1, self._here, deterministic=True)
            connection.execute("BEGIN IMMEDIATE")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table, column in LOCATIONS:
                if table in tables:
                    change = f"UPDATE {table} SET {column} = here({column}) WHERE {column} <> here({column})"
                    moved += connection.execute(change).rowcount
            connection.execute("COMMIT")
        return moved

    def require_here(self, location: str) -> None:
        """Raise `ForeignLocationError` where a location is a folder of this machine and not below this lakehouse."""
        parts = urlsplit(location)
        if parts.scheme not in ("", "file") or Path(unquote(parts.path)).is_relative_to(self.artifacts):
            return
        raise ForeignLocationError(
            f"its experiment keeps artifacts in {location}, outside of the lakehouse. Rename it in MLflow, "
            f"so that one with artifacts in {self.artifacts} is made, or keep it in a store of its own: "
            "MLFLOW_TRACKING_URI."
        )

    def _here(self, location: str | None) -> str | None:
        if location is None:
            return None
        if found := _IN_A_LAKEHOUSE.fullmatch(location):
            return f"{self.artifacts.as_uri()}{found['below'] or ''}"
        return f"{self.artifacts.as_uri()}/0" if _UNUSED.fullmatch(location) else location

    def _create(self) -> None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        for left in self.folder.glob(f".{DATABASE}.*"):  # by a process that was killed; nobody else is here
            left.unlink()
        with staged(self.database) as temporary:
            store: Any = SqlAlchemyStore(_sqlite_uri(temporary), self.artifacts.as_uri())  # type: ignore[no-untyped-call]
            store.engine.dispose()
