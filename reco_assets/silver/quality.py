"""What a quality report says of a silver table: pure functions, one aggregation per table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from reco_assets.silver.cleaning import HIGHEST_RATING, LOWEST_RATING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Expectation:
    """What must hold: required columns have no nulls, the range column stays within it, the key is unique."""

    required: tuple[str, ...]
    key: tuple[str, ...] = ()
    range_column: str | None = None


EXPECTATIONS = {
    "ratings": Expectation(("user_id", "movie_id", "rating"), ("user_id", "movie_id", "rating_ts"), "rating"),
    "movies": Expectation(("movie_id", "title"), ("movie_id",)),
    "tags": Expectation(("user_id", "movie_id", "tag")),
}


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


def quality_report(table: str, frame: "DataFrame") -> dict[str, Any]:
    """Row count, null percentages, range violations and duplicate keys of a silver table, and whether it passed."""
    expected = EXPECTATIONS[table]
    measures = {"rows": F.count(F.lit(1))}
    measures |= {f"null_{name}": F.sum(F.col(name).isNull().cast("long")) for name in expected.required}
    if expected.range_column:
        inside = F.col(expected.range_column).between(LOWEST_RATING, HIGHEST_RATING)
        measures["out_of_range"] = F.sum((~F.coalesce(inside, F.lit(False))).cast("long"))
    found = _by_key(frame, expected.key, measures).collect()[0].asDict()
    rows = found["rows"] or 0
    report: dict[str, Any] = {
        "table": f"silver/{table}",
        "row_count": rows,
        "null_percentages": {n: 100.0 * (found[f"null_{n}"] or 0) / rows if rows else 0.0 for n in expected.required},
        "out_of_range": found.get("out_of_range") or 0,
        "duplicate_keys": found.get("duplicate_keys") or 0,
    }
    nulls = any(report["null_percentages"].values())
    return report | {"passed": not (nulls or report["out_of_range"] or report["duplicate_keys"])}


def _by_key(frame: "DataFrame", key: tuple[str, ...], measures: "dict[str, Column]") -> "DataFrame":
    """One row: every measure, all of which add up, and `duplicate_keys` where there is a key; one pass for both."""
    named = [measure.alias(name) for name, measure in measures.items()]
    if not key:
        return frame.agg(*named)
    repeated = F.sum((F.col("rows") > 1).cast("long")).alias("duplicate_keys")
    return frame.groupBy(*key).agg(*named).agg(*(F.sum(name).alias(name) for name in measures), repeated)
