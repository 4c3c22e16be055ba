"""What a check found, and what is found where there is nothing to measure. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reco_assets.quality import kinds
from reco_assets.quality.declaration import Declaration
from reco_assets.quality.measures import Numbers, Rows

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """The result of one check: `severity` counts only where it did not pass.

    `numbers` are the measured figures by name, `samples` up to five offending rows by what is wrong with them.
    """

    table: str
    kind: str
    passed: bool
    text: str
    severity: Severity = "error"
    numbers: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True)
class Earlier:
    """The numbers of another version of a table, and what that version is in words."""

    version: int
    numbers: Numbers
    what: str


def absent(declaration: Declaration, kind: str) -> Finding:
    """Nothing to check: fine where the table comes with its first file, else one warning, of `schema`."""
    table = declaration.table
    if declaration.may_be_absent:
        return Finding(table, kind, passed=True, text="Not there before its first file: nothing to check.")
    if kind != kinds.SCHEMA:
        return Finding(table, kind, passed=True, text="No run has made the table yet: nothing to check.")
    text = f"No run has made the table yet. Materialize it: {_making(declaration)}"
    return Finding(table, kind, passed=False, severity="warning", text=text)


def gone(declaration: Declaration, kind: str) -> Finding:
    """An error: the table was there."""
    text = f"The table was there and is gone. Bring it back from a backup, or make it again: {_making(declaration)}"
    return Finding(declaration.table, kind, passed=False, text=text)


def _making(declaration: Declaration) -> str:
    return f"dagster asset materialize -m reco_assets.definitions --select '*{declaration.table}'"


def unmeasured(declaration: Declaration, kind: str) -> Finding:
    """The columns that this kind is about are missing or of another type, which is what `schema` finds."""
    return Finding(declaration.table, kind, passed=True, text="Not measured: the columns are wrong, see schema.")
