"""What Dagster sees of data validation: the checks of every table, all of one table in one step, and the reports."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from reco_assets.quality import etl_report as etl
from reco_assets.quality import kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.conservation import Conservation
from reco_assets.quality.declaration import Declaration
from reco_assets.quality.declarations import DECLARATIONS, DECLARED
from reco_assets.quality.evidently import KEY as EVIDENTLY
from reco_assets.quality.evidently import left_out, write_evidently
from reco_assets.quality.finding import Finding
from reco_assets.quality.reports import write_report
from reco_assets.quality.words import in_words
from reco_assets.tables import EXPOSURES, HEAVY_POOL, RECOMMENDATIONS_FRESH, STREAM
from resources.io_managers import Promises, column_schema
from resources.orchestrator.shown_tables import shown_table
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

ETL_REPORT = ["silver", "etl_report"]
CONSERVED, PASSED = "rows_conserved", "quality_passed"
# A run that takes files in checks these.
OF_INTAKE = frozenset(spec.name for spec in (*STREAM, RECOMMENDATIONS_FRESH, EXPOSURES))
# With all tables behind these, or made in their steps, the report needs no edge from each of them.
MADE_LAST = (
    "silver/etl_report",
    "gold/exposures",
    "gold/recommendations_why",
    "gold/recommendations_fresh",
    "gold/similar_movies",
    "gold/trending",
    "models/metrics",
)
_SEVERITY = {"error": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def columns_of(spec: TableSpec) -> dg.TableSchema:
    """The columns of a declared table as Dagit shows them, with all that is asked of each."""
    declaration = DECLARED[spec.name]
    return column_schema(spec, Promises(declaration.required, *in_words(declaration)))


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

    name = f"check_{declaration.table.replace('/', '_')}"
    pool = None if declaration.table in OF_INTAKE else HEAVY_POOL

    @dg.multi_asset_check(specs=specs, name=name, can_subset=True, pool=pool)
    def checks(
        context: dg.AssetCheckExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {check.name for check in context.selected_asset_check_keys}
        for finding in check_table(lakehouse, declaration, wanted):
            yield _result(key, finding)

    return checks


@dg.asset(
    key=["quality", "report"],
    deps=[table.split("/") for table in MADE_LAST],
    group_name="quality",
    pool=HEAVY_POOL,
    kinds={"html"},
)
def quality_report(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Every check of every table, as JSON and as a page to read offline; it shares the numbers of the checks."""
    report = write_report(lakehouse, datetime.now(UTC))
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


@dg.asset(
    key=ETL_REPORT,
    deps=[
        [layer, name]
        for table in etl.TABLES
        for layer, name in (("bronze", table), ("silver", table), ("silver", f"quarantine_{table}"))
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=ETL_REPORT, blocking=True) for name in (CONSERVED, PASSED)],
    group_name="silver",
    pool=HEAVY_POOL,
    kinds={"json"},
)
def etl_report(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Rows in = silver + quarantined + exact duplicates for every table, and the quality of each silver table."""
    report = etl.write_etl_report(lakehouse, datetime.now(UTC))
    counts, quality = etl.plain(report.counts), dict(report.quality)
    return dg.MaterializeResult(
        metadata={
            **{f"{table}_rows": count.silver for table, count in report.counts.items()},
            **{f"{table}_quarantined": count.quarantined for table, count in report.counts.items()},
            "report": _shown_counts(report.counts),
            "path": dg.MetadataValue.path(str(report.summary)),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=report.conserved, check_name=CONSERVED, metadata={"counts": dg.JsonMetadataValue(counts)}
            ),
            dg.AssetCheckResult(
                passed=report.passed, check_name=PASSED, metadata={"quality": dg.JsonMetadataValue(quality)}
            ),
        ],
    )


@dg.asset(
    key=EVIDENTLY.split("/"),
    deps=[["silver", "train_ratings"], ["stream", "ratings"]],
    output_required=False,
    group_name="quality",
    pool=HEAVY_POOL,
    kinds={"html"},
)
def evidently(
    context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
) -> Iterator[dg.MaterializeResult]:
    """Evidently's data report: the ratings that wait (none: those trained on next) against the champion's own."""
    if why := left_out(lakehouse):
        context.log.warning(why)
        return
    written = write_evidently(lakehouse)
    current, reference = written.current, written.reference
    yield dg.MaterializeResult(
        metadata={
            "html": dg.MetadataValue.path(str(written.page)),
            "current": current.name,
            "current_rows": current.rows,
            "reference": reference.name if reference else "none: there is no champion",
            "reference_rows": reference.rows if reference else 0,
            "sampled_rows": current.sample.num_rows,
            **written.figures,
        }
    )


def _shown_counts(counts: Mapping[str, Conservation]) -> dg.TableMetadataValue:
    rows = [
        (table, count.rows_in, count.silver, count.quarantined, count.exact_duplicates, "yes" if count.holds else "NO")
        for table, count in counts.items()
    ]
    return shown_table(("table", "raw rows", "silver", "quarantined", "exact duplicates", "conserved"), rows)


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
