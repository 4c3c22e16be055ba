"""The platform's tables: where they lie, which versions they have, and how one is replaced.

Tables are written in this room alone, and each write checks the declared columns under the table's lock, because a bare
`df.write` on Sail accepts a wrong schema without a word: `Lakehouse.write` replaces a table, `appends.append_batches`
lets it grow, `growth.commit_changes` puts rows in by their keys. `published.publish` writes plain Parquet for others.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from resources.engine import Engine
from resources.locking.locks import held
from resources.memory import memory_bytes
from resources.settings import Settings
from resources.tables.files import (
    BrokenTableError,
    LakehouseError,
    TableSpec,
    dataset_at,
    for_delta,
    is_delta,
    own_errors,
    read_path,
    table_exists,
    table_row_count,
)
from resources.tables.places import noted_uri
from resources.tables.writing import placed, write_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BYTES_A_ROW = 200  # of ratings, while they are split: 170 at 5 M rows; cleaned and checked 100 to 115
EVENTS = "events"  # the layer whose tables lie in the data lake


@dataclass
class Lakehouse:
    """All tables under one root (those of events: in the data lake), in one storage format, on one engine."""

    settings: Settings
    engine: Engine
    _landing_made: bool = field(default=False, init=False, repr=False, compare=False)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The lakehouse of the settings, on the engine they name; nothing is started or made before it is used."""
        if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
            # Arrow's own allocator returns freed memory at once, and each page of it is taken anew: the ETL of 20 M
            # ratings takes 22 to 24 s so, with the C library's 20.
            pa.set_memory_pool(pa.system_memory_pool())
        return cls(settings, Engine(settings))

    @property
    def root(self) -> Path:
        """The absolute path of the lakehouse."""
        return self.settings.storage.root

    @property
    def lake(self) -> Path:
        """The absolute path of the data lake, where what begins with `events/` lies; by default below the root."""
        return self.settings.events.lake or self.root / EVENTS

    def path(self, *parts: str) -> Path:
        """An absolute path below the root, or the data lake; `path("silver/ratings")` is that table's folder."""
        layer, *rest = PurePosixPath(*parts).parts
        return self.lake.joinpath(*rest) if layer == EVENTS else self.root.joinpath(layer, *rest)

    def address(self, name: str) -> str:
        """Where the table's files lie: its folder, or a URI of object storage."""
        path = self.path(name)
        return noted_uri(path) or str(path)

    def exists(self, name: str) -> bool:
        """Whether the table has at least one complete version."""
        return table_exists(self.path(name))

    def version(self, name: str) -> int | None:
        """The newest Delta version; None for a parquet table, which has none. Raises `LakehouseError`."""
        table = self.delta_table(name)
        return None if table is None else int(table.version())

    def delta_table(self, name: str, version: int | None = None) -> DeltaTable | None:
        """The table, at a Delta version or its newest; None for a parquet table. Raises `LakehouseError`."""
        self._require(name, version)
        path = self.path(name)
        with self._damage_told(name, version):
            return DeltaTable(for_delta(path), version) if is_delta(path) else None

    def row_count(self, name: str, version: int | None = None) -> int:
        """Rows in a table, from the files' statistics: no engine job. Raises `LakehouseError`."""
        self._require(name, version)
        with self._damage_told(name, version):
            return table_row_count(self.path(name), version)

    def fits_memory(self, name: str, version: int | None = None) -> bool:
        """Whether a table is better looked at in memory than by the engine. Raises `LakehouseError`.

        On Spark only one of at most `SPARK_IN_MEMORY_ROWS` is, by default of so many as one machine goes through before
        a job has begun; on the embedded engine, whose frames take longer, all that there is memory for.
        """
        most = self.settings.engine.in_memory_rows if self.engine.name == "spark" else memory_bytes() // BYTES_A_ROW
        return self.row_count(name, version) <= most

    def goes_by_frames(self, name: str, version: int | None = None) -> bool:
        """Whether a table is Spark's alone to go over: its driver should not hold it. Raises `LakehouseError`.

        The embedded engine has no other machine to leave it to: there Arrow streams what memory doesn't hold.
        """
        return self.engine.name == "spark" and not self.fits_memory(name, version)

    def read(self, name: str, version: int | None = None) -> "DataFrame":
        """The table (at a Delta version) as a lazy DataFrame. Raises `LakehouseError`."""
        self._require(name, version)
        with self._damage_told(name, version):
            return read_path(self.engine, self.path(name), version)

    def dataset(self, name: str, version: int | None = None, encoded: Sequence[str] = ()) -> ds.Dataset:
        """The table (at a Delta version) without the engine, for what ends as arrays. Raises `LakehouseError`.

        Columns of few different words, named in `encoded`, come faster, and dictionary-encoded.
        """
        self._require(name, version)
        with self._damage_told(name, version):
            return dataset_at(self.path(name), version, encoded)

    def write(self, spec: TableSpec, data: "DataFrame | pa.Table | pa.RecordBatchReader") -> None:
        """Replace the table in one commit; a failure leaves what was there.

        Raises `LakehouseError` when the data's columns are not the declared ones, or when something else lies there.
        """
        self._make_landing()
        storage, path = self.settings.storage, self.path(spec.name)
        with self.lock(spec.name), self._damage_told(spec.name):
            with placed(spec, path, storage.tables_uri) as place:
                write_table(self.engine, spec, place, data, storage.format)
            self.remember(spec.name)

    def _make_landing(self) -> None:
        """Make the streaming folder, so that whoever has tables can drop a file."""
        if not self._landing_made:
            with suppress(OSError):  # where the folder can't be made, the landing sensor says so
                self.settings.storage.landing.mkdir(parents=True, exist_ok=True)
            self._landing_made = True

    def remember(self, name: str) -> None:
        """Leave a mark that the table was there, so that a table that is gone is told from one never made."""
        mark = self._mark(name)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def was_there(self, name: str) -> bool:
        """Whether the table was ever written, or seen by a check."""
        return self._mark(name).exists()

    @contextmanager
    def _damage_told(self, name: str, version: int | None = None) -> Iterator[None]:
        """Turn what delta-rs and Arrow say of a damaged log or file into one line that names the table.

        An old version that can't be read may have been vacuumed, of which its reader has to tell.
        """
        try:
            with own_errors():
                yield
        except (BrokenTableError, pa.ArrowInvalid) as error:
            if version is not None:
                raise BrokenTableError(str(error)) from error
            raise LakehouseError(
                f"Table {name} is damaged: {str(error).strip().splitlines()[0]}. Bring {self.path(name)} back from a "
                "backup; or move it away and make it again: dagster asset materialize -m reco_assets.definitions "
                f"--select '*{name}'"
            ) from error

    def _mark(self, name: str) -> Path:
        return self.path("_made", name.replace("/", "."))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the table's OS lock: one writer at a time, whichever process it is in.

        A thread that holds it may take it again, so that it can look at a table and then write what follows from it.
        Raises `LockError` after `lock_timeout_seconds`.
        """
        home = self.lake if name.startswith(f"{EVENTS}/") else self.root  # several lakehouses may share a lake
        lock_file = home / "_locks" / f"{name.replace('/', '.')}.lock"
        with held(lock_file, f"{name} in {home}", self.settings.storage.lock_timeout_seconds):
            yield

    def require_delta(self, feature: str) -> None:
        """Raise `LakehouseError` unless the storage format has versions and MERGE."""
        if self.settings.storage.format != "delta":
            raise LakehouseError(f"{feature} needs STORAGE_FORMAT=delta; parquet tables have no versions and no MERGE.")

    def _require(self, name: str, version: int | None = None) -> None:
        if not self.exists(name):
            raise LakehouseError(
                f"Table {name} does not exist under {self.root}. "
                f"Materialize it first: dagster asset materialize -m reco_assets.definitions --select '*{name}'"
            )
        if version is None:
            return
        newest = self.version(name)
        if newest is None:
            raise LakehouseError(f"Table {name} has no version {version}: parquet tables have no versions.")
        if not 0 <= version <= newest:
            raise LakehouseError(f"Table {name} has no version {version}: its newest is {newest}.")
