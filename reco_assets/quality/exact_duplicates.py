"""Raw rows that say nothing new: those not in the quarantine with the same values as another such row. Pure.

They are found from the raw rows and the quarantine alone, without the cleaning rules, so that a row which cleaning lost
or made up breaks the conservation of rows. Which rows to compare is found as cleaning finds it; a repeat that both
missed is in silver twice, where the check of its key finds it another way.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.silver.repeats import may_repeat, settle
from reco_assets.sources.source import LINE, SOURCE_FILE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def exact_duplicates(rows: pa.Table, values: Sequence[str], quarantined: pa.Table) -> int:
    """How many of n raw rows repeat another in `values`; those in the quarantine (source, line) are not looked at."""
    alike = rows.take(pa.array(may_repeat(rows, values)))
    alike = alike.filter(pa.array(~_are_in(alike, quarantined)))
    return len(alike) - int(settle(alike, values, (), order=()).kept.sum())


def exact_duplicates_in_frame(rows: "DataFrame", values: Sequence[str], quarantined: "DataFrame") -> int:
    """As `exact_duplicates`, of more rows than one machine holds."""
    from pyspark.sql import functions as F

    refused = quarantined.select(F.col("source").alias(SOURCE_FILE), F.col("line").alias(LINE))
    kinds = rows.join(refused, [SOURCE_FILE, LINE], "left_anti").groupBy(*values)
    repeats = kinds.agg((F.count(F.lit(1)) - 1).alias("repeats"))
    return int(repeats.agg(F.coalesce(F.sum("repeats"), F.lit(0))).collect()[0][0])


def _are_in(rows: pa.Table, quarantined: pa.Table) -> np.ndarray:
    """(n,) bool; few rows are in the quarantine, and hardly any other has the number of one of its lines."""
    found = np.asarray(pac.is_in(rows[LINE], quarantined["line"].combine_chunks()))
    places = np.flatnonzero(found)
    known = set(zip(quarantined["source"].to_pylist(), quarantined["line"].to_pylist(), strict=True))
    named = rows.select([SOURCE_FILE, LINE]).take(pa.array(places))
    pairs = zip(named[SOURCE_FILE].to_pylist(), named[LINE].to_pylist(), strict=True)
    found[places] = [pair in known for pair in pairs]
    return found
