"""What Dagster sees of data validation: the checks of every table, all of one table in one step."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from reco_assets.quality import kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARATIONS, Declaration
from reco_assets.quality.findings import Finding
from reco_assets.quality.reports import write_report
from reco_assets.tables import OWNERS
from resources.shown_tables import shown_table
from resources.tables.lakehouse import Lakehouse

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


@dg.asset(
    key=["quality", "report"],
    deps=[declaration.table.split("/") for declaration in DECLARATIONS],
    group_name="quality",
    owners=OWNERS,
    kinds={"html"},
)
def quality_report(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Every check of every table, as JSON and as a page to read offline; it shares the numbers of the checks."""
    report = write_report(lakehouse)
    return dg.MaterializeResult(
        metadata={
            "errors": report.document["errors"],
            "warnings": report.document["warnings"],
            "report": _shown_report(report.document),
            "path": dg.MetadataValue.path(str(report.page)),
            "page": dg.MetadataValue.url(report.page.as_uri()),
            "json": dg.MetadataValue.path(str(report.json)),
        }
    )


def _shown_report(document: Mapping[str, Any]) -> dg.TableMetadataValue:
    rows = []
    for table, facts in document["tables"].items():
        failed = [f"{check['severity']}: {check['text']}" for check in facts["checks"].values() if not check["passed"]]
        rows.append((table, facts["rows"], len(facts["checks"]), "; ".join(failed) or "all passed"))
    return shown_table(("table", "rows", "checks", "found"), rows)


def _result(key: dg.AssetKey, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=finding.kind,
        passed=finding.passed,
        severity=_SEVERITY[finding.severity],
        description=finding.text,
        metadata={name: _shown(value) for name, value in finding.numbers.items()}
        | {f"rows: {what}": dg.JsonMetadataValue(rows) for what, rows in finding.samples.items()},
    )


def _shown(value: Any) -> Any:
    return dg.JsonMetadataValue(value) if isinstance(value, dict | list) else value


TABLE_CHECKS = [table_checks(declaration) for declaration in DECLARATIONS]
