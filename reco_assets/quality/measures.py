"""What a table is measured by: DataFrames in, numbers out. What its writer noted is not measured again.

Beside it, only where a table is declared to have them, one grouping by key, one by user and one by what is referred
to. Rows themselves are fetched only where something is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from math import isnan
from operator import and_
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType, TimestampType

from reco_assets.quality.declaration import Bins, Declaration, Raters, Reference, Rule
from reco_assets.sources.rules import latest_second

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SAMPLE = 5
LONGEST_BYTES = 200  # of a raw message that is shown
DAY_SECONDS = 86_400
Numbers = dict[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Measured:
    """The numbers of one look at a table, and up to `SAMPLE` offending rows by what is wrong with them."""

    numbers: Numbers
    samples: Mapping[str, Rows]


def column_measures(declaration: Declaration, now: datetime, times: "Column | None" = None) -> "dict[str, Column]":
    """All that is measured row by row, as aggregates by name: rows, nulls, broken rules, bins, extremes.

    `times`: how many rows each row stands for, where that is not one.
    """
    times = F.lit(1) if times is None else times
    measures: dict[str, Column] = {"rows": F.sum(times)}
    measures |= {null_of(name): _sum(F.col(name).isNull(), times) for name in declaration.required}
    measures |= {broken(rule): _sum(_breaks(rule, now), times) for rule in declaration.rules}
    for bins in declaration.distributions:
        measures |= {name: _sum(_in_bin(bins, at), times) for at, name in enumerate(bin_names(bins))}
    for name in ordered_columns(declaration):
        value = F.unix_seconds(name) if name in _times_of(declaration) else F.col(name)
        measures |= {f"lowest {name}": F.min(value), f"highest {name}": F.max(value)}
    return measures


def measure_columns(
    read: "Callable[[], DataFrame]", declaration: Declaration, now: datetime, known: Numbers
) -> Measured:
    """`column_measures` of a table that is read but for the known ones, and some of the rows that break a rule.

    Columns of few different values are looked at value by value: 20 M ratings in 0.4 s and not in 3.
    """
    names = measure_names(declaration)
    if known.get("rows") == 0:
        return Measured({name: 0 if _counts(name) else None for name in names}, {})
    numbers, by_value = dict(known), declaration.limited_to(declaration.counted)
    # On Spark a column can't be made before there is a session, which nothing starts where all is known.
    if not numbers.keys() >= set(measure_names(by_value)):
        # Not a count: of a table of one row Sail says "field nullability" where a count, never null, is looked into.
        values = read().groupBy(*declaration.counted).agg(F.sum(F.lit(1)).alias("times"))
        numbers |= _missing(values, column_measures(by_value, now, F.col("times")), numbers)
    if not numbers.keys() >= set(names):
        numbers |= _missing(read(), column_measures(declaration, now), numbers)
    numbers = {name: numbers[name] for name in names}
    return Measured(numbers, _samples(read, declaration, now, numbers))


def measure_names(declaration: Declaration) -> list[str]:
    """The names of `column_measures`."""
    names = ["rows", *(null_of(name) for name in declaration.required), *(broken(rule) for rule in declaration.rules)]
    names += [name for bins in declaration.distributions for name in bin_names(bins)]
    return names + [f"{end} {name}" for name in ordered_columns(declaration) for end in ("lowest", "highest")]


def _samples(
    read: "Callable[[], DataFrame]", declaration: Declaration, now: datetime, numbers: Numbers
) -> dict[str, Rows]:
    null = [name for name in declaration.required if numbers[null_of(name)]]
    rules = [rule for rule in declaration.rules if numbers[broken(rule)]]
    if not (null or rules):
        return {}
    frame = read()
    wrong = {null_of(name): F.col(name).isNull() for name in null} | {broken(r): _breaks(r, now) for r in rules}
    return {name: _rows(frame.where(breaks).limit(SAMPLE)) for name, breaks in wrong.items()}


def _missing(frame: "DataFrame", measures: "Mapping[str, Column]", known: Numbers) -> Numbers:
    return collected(frame, {name: measure for name, measure in measures.items() if name not in known})


def collected(frame: "DataFrame", measures: "Mapping[str, Column]") -> Numbers:
    """Aggregates by name as plain numbers; an engine need not take the names for those of columns."""
    row = frame.agg(*(measure.alias(f"m{at}") for at, measure in enumerate(measures.values()))).collect()[0]
    return {name: 0 if value is None and _counts(name) else value for name, value in zip(measures, row, strict=True)}


def measure_keys(frame: "DataFrame", key: Sequence[str]) -> Measured:
    """How many keys occur more than once, and how many rows too many they have; keys with nulls are not looked at."""
    repeated = repeated_keys(frame, key)
    numbers = collected(repeated, {"repeated keys": F.count(F.lit(1)), "rows too many": F.sum(F.col("times") - 1)})
    numbers["rows too many"] = numbers["rows too many"] or 0
    return Measured(numbers, {"repeated keys": _rows(repeated.limit(SAMPLE))} if numbers["repeated keys"] else {})


def repeated_keys(frame: "DataFrame", key: Sequence[str]) -> "DataFrame":
    """The columns of the key and `times`, for every key that occurs more than once."""
    # Not dropDuplicates: on Sail it takes 20 times as long.
    named = frame.where(reduce(and_, (F.col(name).isNotNull() for name in key)))
    return named.groupBy(*key).agg(F.count(F.lit(1)).alias("times")).where(F.col("times") > 1)


def measure_reference(frame: "DataFrame", reference: Reference, other: "DataFrame") -> Measured:
    """How many ids the other table does not hold, and in how many rows (or entries) they are named."""
    named = frame.select(F.expr(reference.ids).alias("id")).groupBy("id").agg(F.count(F.lit(1)).alias("times"))
    known = other.select(F.col(reference.key).alias("id"))
    unknown = named.where(F.col("id").isNotNull()).join(known, "id", "left_anti")
    numbers = collected(unknown, {"unknown ids": F.count(F.lit(1)), "rows": F.sum("times")})
    most_often_first = unknown.orderBy(F.desc("times"), "id").limit(SAMPLE)
    return Measured(numbers, {"unknown ids": _rows(most_often_first)} if numbers["unknown ids"] else {})


def measure_raters(frame: "DataFrame", raters: Raters, most_a_day: int) -> Measured:
    """Users by how much they rated: `totals` as [ratings, users] ascending, and who rated more than that in a day."""
    users = _users(frame, raters)
    by_total = users.groupBy("ratings").agg(
        F.count(F.lit(1)).alias("users"),
        F.max("busiest_day").alias("busiest_day"),
        _sum(F.col("busiest_day") > most_a_day, F.lit(1)).alias("too_fast"),
    )
    rows = by_total.orderBy("ratings").collect()
    numbers = {
        "totals": [[row["ratings"], row["users"]] for row in rows],
        "busiest day": max((row["busiest_day"] for row in rows), default=0),
        "users too fast": sum(row["too_fast"] for row in rows),
    }
    fastest = users.where(F.col("busiest_day") > most_a_day).orderBy(F.desc("busiest_day")).limit(SAMPLE)
    return Measured(numbers, {"users too fast": _rows(fastest)} if numbers["users too fast"] else {})


def users_beyond(frame: "DataFrame", raters: Raters, fence: float) -> Rows:
    """Up to `SAMPLE` users with more ratings than the fence, those with most first."""
    users = _users(frame, raters)
    return _rows(users.where(F.col("ratings") > fence).orderBy(F.desc("ratings")).limit(SAMPLE))


def null_of(column: str) -> str:
    """The name of the number of nulls of a column."""
    return f"null {column}"


def broken(rule: Rule) -> str:
    """The name of the number of rows that break a rule."""
    return f"broken: {rule.name}"


def bin_names(bins: Bins) -> list[str]:
    """The names of the numbers of values in each bin."""
    return [f"{bins.column} at {label}" for label in bins.labels]


def _users(frame: "DataFrame", raters: Raters) -> "DataFrame":
    day = F.floor(F.unix_seconds(raters.time) / DAY_SECONDS).alias("day")
    days = frame.select(F.col(raters.user).alias("user"), day).groupBy("user", "day").agg(F.count(F.lit(1)).alias("n"))
    return days.groupBy("user").agg(F.sum("n").alias("ratings"), F.max("n").alias("busiest_day"))


def _breaks(rule: Rule, now: datetime) -> "Column":
    holds = F.expr(rule.holds.format(latest=latest_second(now), year=now.year))
    given = reduce(and_, (F.col(name).isNotNull() for name in rule.columns))
    return given & ~F.coalesce(holds, F.lit(False))


def _sum(condition: "Column", times: "Column") -> "Column":
    return F.sum(F.when(condition, times).otherwise(F.lit(0)))


def _in_bin(bins: Bins, at: int) -> "Column":
    (start, end), value = bins.edges(at), F.col(bins.column).cast("double")
    return (value >= F.lit(start)) & (value < F.lit(end))


def _counts(name: str) -> bool:
    return not name.startswith(("lowest ", "highest "))


def ordered_columns(declaration: Declaration) -> list[str]:
    """The columns whose lowest and highest value tell something: numbers and times that a rule is about."""
    ruled = {name for rule in declaration.rules for name in rule.columns}
    return [
        f.name for f in declaration.columns if f.name in ruled and isinstance(f.dataType, NumericType | TimestampType)
    ]


def _times_of(declaration: Declaration) -> set[str]:
    return {f.name for f in declaration.columns if isinstance(f.dataType, TimestampType)}


def _rows(frame: "DataFrame") -> Rows:
    # By Arrow, whose times are in UTC: `collect` gives those of this machine's time zone.
    return plain_rows(frame.toArrow())


def plain_rows(rows: pa.Table) -> Rows:
    """Rows as a report shows them."""
    return [{name: _plain(value) for name, value in row.items()} for row in rows.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # a time is one, too
        return value.isoformat()
    if isinstance(value, bytes):
        return value[:LONGEST_BYTES].decode(errors="backslashreplace")
    if isinstance(value, list):
        return [_plain(each) for each in value[:SAMPLE]]
    if isinstance(value, float) and isnan(value):
        return "NaN"
    return value
