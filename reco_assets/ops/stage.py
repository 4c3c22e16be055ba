"""One stage of a run, and what it took. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

SUCCEEDED, FAILED, RETRIED, STOPPED = "succeeded", "failed", "retried", "stopped"


@dataclass(frozen=True)
class Written:
    """What a stage wrote of one asset; rows: None of what is no table."""

    asset: str
    rows: int | None
    bytes: int


@dataclass(frozen=True)
class Stage:
    """A row of ops/runs, in whose declaration its columns are described."""

    run_id: str
    job: str
    stage: str
    started_ts: datetime
    outcome: str
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mib: float
    written: tuple[Written, ...] = ()
    model_version: str | None = None
    batches: tuple[str, ...] = ()
    batch_count: int = 0

    @property
    def rows(self) -> int | None:
        """The rows that it wrote; None where it wrote no table."""
        counts = [each.rows for each in self.written if each.rows is not None]
        return sum(counts) if counts else None

    @property
    def bytes(self) -> int:
        """The bytes that it wrote."""
        return sum(each.bytes for each in self.written)

    def row(self) -> dict[str, Any]:
        """The stage by the columns of ops/runs."""
        return asdict(self) | {"rows": self.rows, "bytes": self.bytes}


def stage_of(row: dict[str, Any]) -> Stage:
    """The stage of a row of ops/runs."""
    plain = {name: value for name, value in row.items() if name not in ("rows", "bytes", "written", "batches")}
    written = tuple(Written(**each) for each in _listed(row["written"]))
    return Stage(**plain, written=written, batches=tuple(_listed(row["batches"])))


def _listed(found: Iterable[Any] | None) -> Iterable[Any]:
    return found or ()
