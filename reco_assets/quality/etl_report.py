"""The ETL's report: whether a row was lost on the way to silver, and the documented JSON files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reco_assets.quality.conservation import Conservation, quality_report
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.exact_duplicates import exact_duplicates, exact_duplicates_in_frame
from reco_assets.quality.scans import scan_of
from reco_assets.silver.movies import SAID, what_movies_say
from reco_assets.silver.rating_events import count_rating_events, taken_events
from reco_assets.silver.ratings import NEEDED
from reco_assets.silver.raw_rows import ratings_fit_memory, raw_rating_frame, raw_ratings, raw_rows
from reco_assets.sources.source import LINE, SOURCE_FILE
from resources.files import write_json
from resources.locking.reservations import reserved_stamp
from resources.tables.lakehouse import Lakehouse

REPORTS = "silver/_reports"
TABLES = ("ratings", "movies", "tags")


@dataclass(frozen=True)
class EtlReport:
    """What the ETL did, by table (ratings, movies, tags), and where the summary lies."""

    counts: Mapping[str, Conservation]
    quality: Mapping[str, dict[str, Any]]
    summary: Path

    @property
    def conserved(self) -> bool:
        """Whether no table lost or made up a row."""
        return all(count.holds for count in self.counts.values())

    @property
    def passed(self) -> bool:
        """Whether the quality of every silver table passed."""
        return all(report["passed"] for report in self.quality.values())


def write_etl_report(lakehouse: Lakehouse, moment: datetime) -> EtlReport:
    """Count the rows of every table, take the quality of each silver one, and write the documented files."""
    counts = {table: count_rows(lakehouse, table) for table in TABLES}
    quality = {table: quality_of(lakehouse, f"silver/{table}") for table in TABLES}
    return EtlReport(counts, quality, write_reports(lakehouse, moment, counts, quality))


def count_rows(lakehouse: Lakehouse, table: str) -> Conservation:
    """Where the raw rows of one table went, counted in the tables as they were written."""
    of_events = count_rating_events(lakehouse, taken_events(lakehouse)) if table == "ratings" else 0
    return Conservation(
        rows_in=lakehouse.row_count(f"bronze/{table}") + of_events,
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
            "tables": plain(counts),
            **_of_events(lakehouse),
            "passed": all(c.holds for c in counts.values()) and all(q["passed"] for q in quality.values()),
        }
        write_json(summary(stamp), executed | document)
        return summary(stamp)


def _exact_duplicates(lakehouse: Lakehouse, table: str) -> int:
    bronze, quarantine, taken = f"bronze/{table}", f"silver/quarantine_{table}", taken_events(lakehouse)
    if table == "tags":
        return 0  # repeated tags are kept
    if table == "ratings" and not ratings_fit_memory(lakehouse, taken):
        frame, _ = raw_rating_frame(lakehouse, taken)
        return exact_duplicates_in_frame(frame, NEEDED, lakehouse.read(quarantine))
    refused = lakehouse.dataset(quarantine).to_table(["source", "line"])
    if table == "ratings":
        rows, _ = raw_ratings(lakehouse, taken, (*NEEDED, SOURCE_FILE, LINE))
        return exact_duplicates(rows, NEEDED, refused)
    said = what_movies_say(*raw_rows(lakehouse, bronze))
    return exact_duplicates(said, ("movie_id", *SAID), refused)


def _of_events(lakehouse: Lakehouse) -> dict[str, Any]:
    """What of the ratings were events, and of which version of the log; nothing where there is none."""
    taken = taken_events(lakehouse)
    if taken.version is None:
        return {}
    return {"rating_events": {"version": taken.version, "rows": count_rating_events(lakehouse, taken)}}


def plain(counts: Mapping[str, Conservation]) -> dict[str, dict[str, int | bool]]:
    """The counts as JSON has them."""
    return {table: {**vars(count), "conserved": count.holds} for table, count in counts.items()}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
