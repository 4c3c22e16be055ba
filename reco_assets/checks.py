"""Asset checks that hold for every table alike: it exists and is not empty."""

import dagster as dg

from reco_assets.tables import GOLD, SILVER, TEST_RATINGS, TRAIN_RATINGS
from resources.lakehouse import Lakehouse

MAY_BE_EMPTY = {"silver/movies", "silver/tags"}  # not every source names movies, fewer have tags
CHECKED = (*SILVER, TRAIN_RATINGS, TEST_RATINGS, *GOLD)


def has_rows(table: str) -> dg.AssetChecksDefinition:
    """A check that the table exists and has rows; a warning where a source may have none."""
    severity = dg.AssetCheckSeverity.WARN if table in MAY_BE_EMPTY else dg.AssetCheckSeverity.ERROR

    @dg.asset_check(
        asset=table.split("/"), name="has_rows", description="The table exists and has rows.", blocking=True
    )
    def check(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
        rows = lakehouse.row_count(table) if lakehouse.exists(table) else 0
        return dg.AssetCheckResult(passed=rows > 0, severity=severity, metadata={"rows": rows})

    return check


TABLE_CHECKS = [has_rows(spec.name) for spec in CHECKED]
