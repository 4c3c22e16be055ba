"""The ETL report asset: proves that no row was lost on the way to silver, and writes the documented JSON reports."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from reco_assets.quality.conservation import Conservation, quality_report
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.scans import scan_of
from reco_assets.silver import layouts
from reco_assets.silver.cleaning import exact_duplicates, typed_movies, typed_ratings
from reco_assets.tables import OWNERS
from resources.files import write_json
from resources.reservations import reserved_stamp
from resources.shown_tables import shown_table
from resources.tables.lakehouse import Lakehouse

REPORTS = "silver/_reports"
TABLES = ("ratings", "movies", "tags")
KEY = ["silver", "etl_report"]
CONSERVED, PASSED = "rows_conserved", "quality_passed"


@dg.asset(
    key=KEY,
    deps=[
        [layer, name] for t in TABLES for layer, name in (("bronze", t), ("silver", t), ("silver", f"quarantine_{t}"))
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=KEY, blocking=True) for name in (CONSERVED, PASSED)],
    group_name="silver",
    owners=OWNERS,
    kinds={"json"},
)
def etl_report(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Rows in = silver + quarantined + exact duplicates for every table, and the quality of each silver table."""
    moment = datetime.now(UTC)
    counts = {table: count_rows(lakehouse, table) for table in TABLES}
    quality = {table: quality_of(lakehouse, f"silver/{table}") for table in TABLES}
    summary = write_reports(lakehouse, moment, counts, quality)
    conserved = all(count.holds for count in counts.values())
    passed = all(report["passed"] for report in quality.values())
    return dg.MaterializeResult(
        metadata={
            **{f"{table}_rows": count.silver for table, count in counts.items()},
            **{f"{table}_quarantined": count.quarantined for table, count in counts.items()},
            "report": _shown(counts),
            "path": dg.MetadataValue.path(str(summary)),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=conserved, check_name=CONSERVED, metadata={"counts": dg.JsonMetadataValue(_plain(counts))}
            ),
            dg.AssetCheckResult(passed=passed, check_name=PASSED, metadata={"quality": dg.JsonMetadataValue(quality)}),
        ],
    )


def count_rows(lakehouse: Lakehouse, table: str) -> Conservation:
    """Where the raw rows of one table went, counted in the tables as they were written."""
    return Conservation(
        rows_in=lakehouse.row_count(f"bronze/{table}"),
        silver=lakehouse.row_count(f"silver/{table}"),
        quarantined=lakehouse.row_count(f"silver/quarantine_{table}"),
        exact_duplicates=_exact_duplicates(lakehouse, table),
    )


def quality_of(lakehouse: Lakehouse, table: str) -> dict[str, Any]:
    """The quality of a silver table, from the same scan as its checks."""
    declaration = DECLARED[table]
    scan = scan_of(lakehouse, declaration)
    return quality_report(declaration, scan.columns, scan.keys if declaration.key else None)


def write_reports(
    lakehouse: Lakehouse, moment: datetime, counts: dict[str, Conservation], quality: dict[str, dict[str, Any]]
) -> Path:
    """Write the four documented JSON files, all with one timestamp in their names; returns the path of the summary."""
    folder, executed = lakehouse.path(REPORTS), {"execution_ts": _iso(moment)}

    def summary(stamp: str) -> Path:
        return folder / f"etl_bronze_to_silver_report_{stamp}.json"

    with reserved_stamp(lambda stamp: [summary(stamp)], moment) as stamp:
        for table, report in quality.items():
            write_json(folder / f"quality_{table}_{stamp}.json", executed | report)
        document = {
            "storage_format": lakehouse.settings.storage.format,
            "engine": lakehouse.engine.name,
            "tables": _plain(counts),
            "passed": all(c.holds for c in counts.values()) and all(q["passed"] for q in quality.values()),
        }
        write_json(summary(stamp), executed | document)
        return summary(stamp)


def _exact_duplicates(lakehouse: Lakehouse, table: str) -> int:
    if table == "tags":
        return 0  # repeated tags are kept
    bronze = lakehouse.read(f"bronze/{table}")
    if table == "ratings":
        typed = typed_ratings(layouts.ratings_as_text(bronze))
    else:
        typed = typed_movies(layouts.movies_as_text(bronze))
    return exact_duplicates(typed, lakehouse.read(f"silver/quarantine_{table}"))


def _plain(counts: dict[str, Conservation]) -> dict[str, dict[str, int | bool]]:
    return {table: {**vars(count), "conserved": count.holds} for table, count in counts.items()}


def _shown(counts: dict[str, Conservation]) -> dg.TableMetadataValue:
    rows = [
        (table, count.rows_in, count.silver, count.quarantined, count.exact_duplicates, "yes" if count.holds else "NO")
        for table, count in counts.items()
    ]
    return shown_table(("table", "raw rows", "silver", "quarantined", "exact duplicates", "conserved"), rows)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
