"""What the ETL's reports say of a silver table: its rows conserved, and the documented quality figures. Pure."""

from dataclasses import dataclass
from typing import Any

from reco_assets.quality.declaration import Declaration
from reco_assets.quality.measures import Measured, broken, null_of


@dataclass(frozen=True)
class Conservation:
    """Raw rows against where they went; `holds` when none is lost and none is made up."""

    rows_in: int
    silver: int
    quarantined: int
    exact_duplicates: int

    @property
    def holds(self) -> bool:
        """rows in = silver + quarantined + exact duplicates."""
        return self.rows_in == self.silver + self.quarantined + self.exact_duplicates


def quality_report(declaration: Declaration, columns: Measured, keys: Measured | None) -> dict[str, Any]:
    """Row count, null percentages, range violations and duplicate keys of a silver table, and whether it passed.

    `out_of_range` counts every rule that a row breaks, but for those that only warn.
    """
    rows = columns.numbers["rows"]
    report: dict[str, Any] = {
        "table": declaration.table,
        "row_count": rows,
        "null_percentages": {
            name: 100.0 * columns.numbers[null_of(name)] / rows if rows else 0.0 for name in declaration.required
        },
        "out_of_range": sum(columns.numbers[broken(rule)] for rule in declaration.rules if not rule.warns),
        "duplicate_keys": keys.numbers["repeated keys"] if keys else 0,
    }
    nulls = any(report["null_percentages"].values())
    return report | {"passed": not (nulls or report["out_of_range"] or report["duplicate_keys"])}
