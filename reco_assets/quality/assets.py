"""What Dagster sees of data validation: the checks of every table, all of one table in one step."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from reco_assets.quality import kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARATIONS, Declaration
from reco_assets.quality.findings import Finding
from resources.lakehouse import Lakehouse

_SEVERITY = {"error": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def table_checks(declaration: Declaration) -> dg.AssetChecksDefinition:
    """The checks of one table, of which any may run without the others."""
    key = dg.AssetKey(declaration.table.split("/"))
    # What a reference points at is read too, so it must be written first where one run makes both.
    others = sorted({reference.table for reference in declaration.references})
    specs = [
        dg.AssetCheckSpec(
            kind,
            asset=key,
            description=kinds.DESCRIPTIONS[kind],
            blocking=kind in kinds.BLOCKING,
            additional_deps=[other.split("/") for other in others] if kind == kinds.REFERENCES else None,
        )
        for kind in declaration.kinds
    ]

    @dg.multi_asset_check(specs=specs, name=f"check_{declaration.table.replace('/', '_')}", can_subset=True)
    def checks(
        context: dg.AssetCheckExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {check.name for check in context.selected_asset_check_keys}
        for finding in check_table(lakehouse, declaration, wanted):
            yield _result(key, finding)

    return checks


def _result(key: dg.AssetKey, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=finding.kind,
        passed=finding.passed,
        severity=_SEVERITY[finding.severity],
        description=finding.text,
        metadata={name: _shown(value) for name, value in finding.numbers.items()}
        | {f"rows that break: {rule}": dg.JsonMetadataValue(rows) for rule, rows in finding.samples.items()},
    )


def _shown(value: Any) -> Any:
    return dg.JsonMetadataValue(value) if isinstance(value, dict | list) else value


TABLE_CHECKS = [table_checks(declaration) for declaration in DECLARATIONS]
