"""The numbers of a table at one version, measured once and kept, so that checks run one by one share one look at it.

They are kept under `quality/scans/<table>/<version>-<table id>/<part>.json`, each part (columns, keys, references,
users) when it is first asked for. A parquet table has no version that could name its state, so nothing of it is kept.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.types import StringType

from reco_assets.quality import in_memory, measures
from reco_assets.quality.declaration import Declaration, Reference
from reco_assets.quality.finding import Earlier
from reco_assets.quality.measures import Measured, Numbers, Rows
from reco_assets.quality.told import told_of
from resources.files import write_json
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log
from resources.tables.written import written_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCANS = "quality/scans"
COLUMNS, KEYS, REFERENCES, USERS = "columns", "keys", "references", "users"
KEPT_VERSIONS = 50


@dataclass(frozen=True)
class State:
    """What names the state of a Delta table for good."""

    version: int
    table_id: str

    @property
    def folder(self) -> str:
        """The name of the folder of its scan."""
        return f"{self.version}-{self.table_id[:8]}"


@dataclass(frozen=True)
class Scan:
    """One version of a table, measured in parts; `state` is None for a parquet table."""

    lakehouse: Lakehouse
    declaration: Declaration
    state: State | None

    @cached_property
    def columns(self) -> Measured:
        """Rows, nulls, broken rules, bins, extremes: an engine job for those that can't be had without one."""

        def measured() -> Measured:
            now = datetime.now(UTC)
            written = written_of(self.lakehouse, self.declaration.table, self._version)
            known = told_of(self.declaration, written, now) if written else {}
            if known.get("rows") != 0 and self._fits_memory:
                known |= self._numbers_in_memory()
            return measures.measure_columns(lambda: self._frame, self.declaration, now, known)

        return self._part(COLUMNS, "", measured)

    @cached_property
    def keys(self) -> Measured:
        """Keys that occur more than once: in memory where they fit, else by one engine job."""
        key = self.declaration.key

        def measured() -> Measured:
            if self._fits_memory:
                return in_memory.measure_keys_in_memory(self._rows(*key), key)
            return measures.measure_keys(self._frame, key)

        return self._part(KEYS, "", measured)

    def reference(self, reference: Reference) -> Measured | None:
        """Ids that the other table does not hold, as `keys`; None where that table has no rows."""
        lakehouse, other = self.lakehouse, reference.table
        if not lakehouse.exists(other) or not lakehouse.row_count(other):
            return None
        against = state_of(lakehouse, other)

        def measured() -> Measured:
            version = against.version if against else None
            if self._fits_memory and lakehouse.fits_memory(other, version):
                known = lakehouse.dataset(other, version).to_table([reference.key])
                return in_memory.measure_reference_in_memory(self._rows(reference.column), reference, known)
            return measures.measure_reference(self._frame, reference, lakehouse.read(other, version))

        named = f"{REFERENCES}-{other.replace('/', '.')}"
        return measured() if against is None else self._part(named, against.folder, measured)

    def users(self, most_a_day: int) -> Measured:
        """How much and how fast users rate: in memory where they fit, else by one engine job."""
        raters = self.declaration.raters
        assert raters is not None

        def measured() -> Measured:
            if self._fits_memory:
                return in_memory.measure_raters_in_memory(self._users_in_memory, most_a_day)
            return measures.measure_raters(self._frame, raters, most_a_day)

        return self._part(USERS, str(most_a_day), measured)

    def users_beyond(self, fence: float) -> Rows:
        """Some of the users with more ratings than that: as `users`."""
        raters = self.declaration.raters
        assert raters is not None
        if self._fits_memory:
            return in_memory.users_beyond_in_memory(self._users_in_memory, fence)
        return measures.users_beyond(self._frame, raters, fence)

    def earlier(self) -> Iterator[Earlier]:
        """The kept columns of older versions of the table, newest first."""
        if self.state is None:
            return
        older = [(version, path) for version, path in self._kept() if version < self.state.version]
        for version, path in sorted(older, reverse=True):
            if found := _read(path / f"{COLUMNS}.json"):
                yield Earlier(version, dict(found.numbers), f"version {version}")

    def _numbers_in_memory(self) -> Numbers:
        declaration, numbers = self.declaration, Numbers()
        for name in declaration.counted:
            numbers |= in_memory.numbers_by_value(self._rows(name), declaration)
        for name in declaration.lists:
            numbers |= in_memory.numbers_of_list(self._rows(name), declaration)
        return numbers

    @property
    def _frame(self) -> "DataFrame":
        return self.lakehouse.read(self.declaration.table, self._version)

    @cached_property
    def _fits_memory(self) -> bool:
        return self.lakehouse.fits_memory(self.declaration.table, self._version)

    def _rows(self, *columns: str) -> pa.Table:
        return self._in_memory.select(list(columns))

    @cached_property
    def _in_memory(self) -> pa.Table:
        """All that is looked at in memory, read once: of a table in 270 folders each reading takes 0.1 s."""
        declaration, raters = self.declaration, self.declaration.raters
        named = [
            *declaration.counted,
            *declaration.lists,
            *declaration.key,
            *(r.column for r in declaration.references),
        ]
        columns = list(dict.fromkeys([*named, *((raters.user, raters.time) if raters else ())]))
        words = [name for name in columns if isinstance(declaration.columns[name].dataType, StringType)]
        return self.lakehouse.dataset(declaration.table, self._version, encoded=words).to_table(columns)

    @cached_property
    def _users_in_memory(self) -> pa.Table:
        raters = self.declaration.raters
        assert raters is not None
        return in_memory.users_of(self._rows(raters.user, raters.time), raters)

    @property
    def _version(self) -> int | None:
        return self.state.version if self.state else None

    @property
    def _folder(self) -> Path:
        return self.lakehouse.path(SCANS, self.declaration.table.replace("/", "."))

    def _kept(self) -> list[tuple[int, Path]]:
        assert self.state is not None
        found = self._folder.glob(f"*-{self.state.table_id[:8]}")
        return [(int(path.name.split("-")[0]), path) for path in found]

    def _part(self, name: str, against: str, measure: Callable[[], Measured]) -> Measured:
        if self.state is None:
            return measure()
        path = self._folder / self.state.folder / f"{name}.json"
        declared = _fingerprint(self.declaration, against)
        if kept := _read(path, declared):
            return kept
        measured = measure()
        write_json(
            path, {"table": self.declaration.table, **asdict(self.state), "declared": declared, **asdict(measured)}
        )
        self._sweep()
        return measured

    def _sweep(self) -> None:
        for _, path in sorted(self._kept())[:-KEPT_VERSIONS]:
            shutil.rmtree(path, ignore_errors=True)


def scan_of(lakehouse: Lakehouse, declaration: Declaration, version: int | None = None) -> Scan:
    """The newest version of a table, or the given one, as it is. Raises `LakehouseError`."""
    state = state_of(lakehouse, declaration.table)
    if state is not None and version is not None:
        state = State(version, state.table_id)
    return Scan(lakehouse, declaration, state)


def state_of(lakehouse: Lakehouse, table: str) -> State | None:
    """The newest state of a Delta table; None for a parquet table. Raises `LakehouseError`."""
    if lakehouse.version(table) is None:
        return None
    log = read_log(lakehouse, table)
    return State(log.version, log.table_id)


def _fingerprint(declaration: Declaration, against: str) -> str:
    """Another declaration, or another state of what it is measured against, asks for new numbers."""
    return hashlib.sha256(f"{declaration}{against}".encode()).hexdigest()[:16]


def _read(path: Path, declared: str | None = None) -> Measured | None:
    """A kept part; None where there is none, or none of this declaration."""
    try:
        document = json.loads(path.read_text())
        fits = declared is None or document["declared"] == declared
        return Measured(document["numbers"], document["samples"]) if fits else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # measured again
