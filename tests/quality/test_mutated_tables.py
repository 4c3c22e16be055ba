"""200 tables, each made to break its declaration in one place: none passes silently.

The engine sees all of them at once, as groups of one frame: table by table, they would take minutes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

from reco_assets.quality import kinds
from reco_assets.quality.declarations import DECLARATIONS, DECLARED
from reco_assets.quality.measures import Measured, column_measures, repeated_keys
from reco_assets.quality.rule_findings import duplicate_finding, null_finding, range_finding, schema_finding

Rows = list[dict[str, Any]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = 200
FUTURE = st.datetimes(datetime(2026, 1, 3), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
BELOW_ZERO = st.integers(-(2**31), -1)


def _off_the_half_steps() -> st.SearchStrategy[float]:
    numbers = st.floats(width=32).filter(lambda x: not (0.5 <= x <= 5.0 and x * 2 == math.floor(x * 2)))
    return numbers | st.sampled_from([0.0, 5.5, 3.3, math.nan, math.inf])


def _entries() -> st.SearchStrategy[Rows]:
    entry = {"movie_id": 1, "score": 0.5, "rank": 1}
    return st.sampled_from(
        [
            [entry, entry | {"rank": 2}],
            [entry | {"rank": 2}],
            [entry | {"rank": None}],
            [entry | {"movie_id": None}],
            [entry | {"score": None}],
            [entry | {"score": math.nan}],
            [{"movie_id": at, "score": 0.5, "rank": at + 1} for at in range(1_001)],
        ]
    )


# What no column of that name may hold, whichever table it is in.
WRONG: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("user_id", "movie_id"), BELOW_ZERO),
    **dict.fromkeys(("_line", "line"), st.integers(-(2**63), 0)),
    **dict.fromkeys(("_loaded_ts", "rating_ts", "tag_ts", "generated_ts"), FUTURE),
    **dict.fromkeys(("recommendations", "similar"), _entries()),
    "because": st.sampled_from([[{"movie_id": 7, "share": it}] for it in (None, math.nan, 0.0, -0.5)]),
    "rating": _off_the_half_steps(),
    "year": st.integers(-(2**31), 2**31 - 1).filter(lambda year: year != 2020),
    "month": st.integers(-(2**31), 2**31 - 1).filter(lambda month: month != 1),
    "release_year": st.integers(-(2**31), 1869) | st.integers(2037, 2**31 - 1),
    "title": st.just(""),
    "tag": st.just(""),
    "reasons": st.just([]),
    "side": st.text(max_size=5).filter(lambda side: side not in ("train", "test", "future")),
    "split": st.text(max_size=5).filter(lambda split: split not in ("train", "test")),
}


MAY_HOLD = {("bronze/movies", "year"), ("events/log", "title")}  # a year of release; what an event says, as it says it


@dataclass(frozen=True)
class Mutated:
    """A table broken in one place, and the kind of check that must see it."""

    table: str
    what: str
    kind: str
    rows: Rows
    columns: StructType


@st.composite
def mutated_tables(draw: st.DrawFn, good_rows: Callable[[str], Rows]) -> Mutated:
    declaration = draw(st.sampled_from(DECLARATIONS))
    table, columns = declaration.table, declaration.columns
    rows = good_rows(table)[:20]
    at = draw(st.integers(0, len(rows) - 1))
    change = draw(st.sampled_from(["null", "wrong", "repeat", "drop", "add", "retype"]))
    name = draw(st.sampled_from(columns.names))
    if change == "null" and name in declaration.required:
        rows[at][name] = None
        return Mutated(table, f"{name} null in row {at}", kinds.NULLS, rows, columns)
    if change == "wrong" and name in WRONG and (table, name) not in MAY_HOLD:
        rows[at][name] = draw(WRONG[name])
        return Mutated(table, f"{name} = {rows[at][name]!r} in row {at}", kinds.RANGES, rows, columns)
    if change == "repeat" and declaration.key:
        rows.insert(draw(st.integers(0, len(rows))), dict(rows[at]))
        return Mutated(table, f"row {at} twice", kinds.DUPLICATES, rows, columns)
    if change == "add":
        more = StructType([*columns, StructField("more", StringType())])
        return Mutated(table, "a column more", kinds.SCHEMA, rows, more)
    if change == "retype":
        other = StringType() if columns[name].dataType != StringType() else LongType()
        retyped = [StructField(each.name, other if each.name == name else each.dataType) for each in columns]
        return Mutated(table, f"{name} of another type", kinds.SCHEMA, rows, StructType(retyped))
    fewer = StructType([each for each in columns if each.name != name])
    return Mutated(table, f"{name} missing", kinds.SCHEMA, rows, fewer)


@pytest.fixture(scope="module")
def mutated(good_rows: Callable) -> list[Mutated]:
    drawn: list[Mutated] = []

    @settings(
        max_examples=TABLES, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(mutated_tables(good_rows))
    def draw(table: Mutated) -> None:
        drawn.append(table)

    draw()
    return drawn[:TABLES]


def test_no_table_with_other_columns_passes(mutated: list[Mutated]) -> None:
    broken = [table for table in mutated if table.kind == kinds.SCHEMA]
    assert broken
    for table in broken:
        found = {column.name: column.dataType.simpleString() for column in table.columns}
        assert not schema_finding(DECLARED[table.table], found).passed, table


@pytest.mark.both_engines
def test_no_table_with_values_that_are_not_allowed_passes_and_no_other_check_takes_the_blame(
    mutated: list[Mutated], good_rows: Callable, arrow: Callable, spark: Any
) -> None:
    by_table: dict[str, dict[int, Mutated]] = {}
    for case, table in enumerate(mutated, start=1):
        if table.kind != kinds.SCHEMA:
            by_table.setdefault(table.table, {})[case] = table
    assert len(mutated) == TABLES
    assert sum(map(len, by_table.values())) >= TABLES // 3
    for name, cases in by_table.items():
        expected = {case: {table.kind} for case, table in cases.items()} | {0: set()}
        tables = {case: arrow(name, table.rows) for case, table in cases.items()}
        found = _failing(spark, name, tables | {0: arrow(name, good_rows(name)[:20])})
        assert found == expected, {case: cases[case] for case in cases if found[case] != expected[case]}


def _failing(spark: Any, name: str, tables: Mapping[int, pa.Table]) -> dict[int, set[str]]:
    """The kinds that fail for each case, of three that look at values."""
    declaration = DECLARED[name]
    cased = [table.append_column("case", pa.array([case] * table.num_rows)) for case, table in tables.items()]
    frame = spark.createDataFrame(pa.concat_tables(cased))
    measures = column_measures(declaration, NOW)
    columns = frame.groupBy("case").agg(*(measure.alias(f"m{at}") for at, measure in enumerate(measures.values())))
    failing: dict[int, set[str]] = {}
    for row in columns.collect():
        measured = Measured(dict(zip(measures, row[1:], strict=True)), {})
        findings = [null_finding(declaration, measured), range_finding(declaration, measured)]
        failing[row["case"]] = {finding.kind for finding in findings if not finding.passed}
    if declaration.key:
        repeated = repeated_keys(frame, ("case", *declaration.key)).groupBy("case").agg(F.count(F.lit(1)).alias("keys"))
        for row in repeated.collect():
            measured = Measured({"repeated keys": row["keys"], "rows too many": row["keys"]}, {})
            finding = duplicate_finding(declaration, measured)
            failing[row["case"]] |= set() if finding.passed else {finding.kind}
    return failing


def test_a_clock_a_day_ahead_is_not_the_future(spark: Any, arrow: Callable, good_rows: Callable) -> None:
    rows = [{**row, "rating_ts": NOW + timedelta(hours=23)} for row in good_rows("silver/test_ratings")[:3]]
    assert _failing(spark, "silver/test_ratings", {0: arrow("silver/test_ratings", rows)}) == {0: set()}
