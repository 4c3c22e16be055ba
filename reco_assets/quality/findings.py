"""From numbers to findings: what was checked, whether it holds, and what to do where it doesn't. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reco_assets.quality import kinds
from reco_assets.quality.declarations import Declaration

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """The result of one check: `severity` counts only where it did not pass.

    `numbers` are the measured figures by name, `samples` up to five offending rows by the rule that they break.
    """

    table: str
    kind: str
    passed: bool
    text: str
    severity: Severity = "error"
    numbers: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)


def absent(declaration: Declaration, kind: str) -> Finding:
    """Nothing to check: fine where the table comes with its first file, an error where it must be there."""
    if declaration.may_be_absent:
        return Finding(declaration.table, kind, passed=True, text="Not there before its first file: nothing to check.")
    fix = f"Materialize it first: dagster asset materialize -m reco_assets.definitions --select '+{declaration.table}'"
    return Finding(declaration.table, kind, passed=False, text=f"The table does not exist. {fix}")


def schema_finding(declaration: Declaration, found: Mapping[str, str]) -> Finding:
    """Columns (name to type) against the declared layout that they are nearest to."""
    differences = min((_differences(layout, found) for layout in _layouts(declaration)), key=len)
    text = "; ".join(differences) + ". Build the table again." if differences else f"All {len(found)} columns fit."
    return Finding(
        declaration.table, kinds.SCHEMA, not differences, text, numbers={"columns": dict(found), "wrong": differences}
    )


def fitting_columns(declaration: Declaration, found: Mapping[str, str]) -> frozenset[str]:
    """The columns that are there with a declared type: what else is asked of the table can be measured on them."""
    return frozenset(
        name for layout in _layouts(declaration) for name, kind in layout.items() if found.get(name) == kind
    )


def _layouts(declaration: Declaration) -> list[dict[str, str]]:
    return [{field.name: field.dataType.simpleString() for field in layout} for layout in declaration.layouts]


def _differences(declared: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    missing = [f"column {name} ({kind}) is missing" for name, kind in declared.items() if name not in found]
    wrong = [
        f"column {name} is {found[name]} and must be {kind}"
        for name, kind in declared.items()
        if name in found and found[name] != kind
    ]
    return [*missing, *wrong, *(f"column {name} is not declared" for name in found if name not in declared)]
