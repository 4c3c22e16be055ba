"""Why a table has no rows, told from what it is made from and from the settings: what a person would look at next."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow.compute as pac

from reco_assets.tables import (
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_WHY,
    SILVER_RATINGS,
    SPLIT_RATINGS,
    TEST_RATINGS,
    TRAIN_RATINGS,
)
from reco_assets.vocabulary import FUTURE
from resources.tables.lakehouse import Lakehouse

_CLEANED = ("ratings", "movies", "tags")


def why_empty(lakehouse: Lakehouse, table: str) -> str:
    """One or two sentences on why the table has no rows, and what to change; empty where that is not known."""
    layer, _, name = table.partition("/")
    if layer == "bronze":
        return f"The source's file of {name} holds a header and no rows: replace it by a complete one."
    if layer == "silver" and name in _CLEANED:
        return _why_cleaned(lakehouse, name)
    return _WHY[table](lakehouse) if table in _WHY else ""


def _why_cleaned(lakehouse: Lakehouse, name: str) -> str:
    raw, quarantine = f"bronze/{name}", f"silver/quarantine_{name}"
    if not _rows(lakehouse, raw):
        return f"{raw}, which it is made from, has no rows: see the source's file."
    if not (refused := _rows(lakehouse, quarantine)):
        return ""
    reasons = lakehouse.dataset(quarantine).to_table(columns=["reasons"])["reasons"]
    counts = Counter(
        {str(found["values"]): found["counts"] for found in pac.value_counts(pac.list_flatten(reasons)).to_pylist()}
    )
    told = ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
    return f"All {refused:,} rows of {raw} broke a rule: {told}. {quarantine} has each of them with its reasons."


def _why_no_split(lakehouse: Lakehouse) -> str:
    return (
        "" if _rows(lakehouse, SILVER_RATINGS.name) else f"{SILVER_RATINGS.name}, which it is made from, has no rows."
    )


def _why_no_test(lakehouse: Lakehouse) -> str:
    if told := _why_no_split(lakehouse):
        return told
    settings = lakehouse.settings
    fraction = settings.split.test_fraction
    if fraction == 0:
        return "TEST_FRACTION=0 leaves nothing to test a model on: set it above 0, as 0.2."
    if settings.split.strategy == "per_user":
        most, needed = _most_pairs_of_a_user(lakehouse), int(np.ceil(1 / fraction))
        if most < needed:
            return (
                f"SPLIT_STRATEGY=per_user takes a rating of who has {needed} or more (TEST_FRACTION={fraction:g}), and "
                f"no user has more than {most}: set SPLIT_STRATEGY=global or random, or a larger TEST_FRACTION."
            )
    return f"TEST_FRACTION={fraction:g} of so few ratings is none: load more, or set a larger one."


def _why_no_train(lakehouse: Lakehouse) -> str:
    if told := _why_no_split(lakehouse):
        return told
    split = lakehouse.settings.split
    return (
        f"TEST_FRACTION={split.test_fraction:g} and FUTURE_FRACTION={split.future_fraction:g} leave nothing of "
        "so few ratings to train on: load more, or set smaller ones."
    )


def _why_no_reasons(lakehouse: Lakehouse) -> str:
    if not _rows(lakehouse, RECOMMENDATIONS_ALS.name):
        return f"{RECOMMENDATIONS_ALS.name}, whose lists it explains, has no rows."
    return f"All lists in {RECOMMENDATIONS_ALS.name} are empty: no user is left a movie that they did not rate."


def _most_pairs_of_a_user(lakehouse: Lakehouse) -> int:
    """Movies rated by the user who rated most, of what the future was not cut from."""
    from pyspark.sql import functions as F

    rows = lakehouse.read(SPLIT_RATINGS.name).where(F.col("side") != FUTURE)
    movies = rows.groupBy("user_id").agg(F.count_distinct("movie_id").alias("movies"))
    return int(movies.agg(F.max("movies")).toArrow()[0][0].as_py() or 0)


def _rows(lakehouse: Lakehouse, table: str) -> int:
    return lakehouse.row_count(table) if lakehouse.exists(table) else 0


_WHY: Mapping[str, Callable[[Lakehouse], str]] = {
    SPLIT_RATINGS.name: _why_no_split,
    TRAIN_RATINGS.name: _why_no_train,
    TEST_RATINGS.name: _why_no_test,
    RECOMMENDATIONS_WHY.name: _why_no_reasons,
}
