"""What is known of a table's columns without a look at its rows: from what its writer noted of each file. Pure."""

from datetime import datetime
from math import inf

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.quality.declaration import AtLeast, Calendar, Declaration, NotEmpty, Rule, UntilNow, YearsUntil
from reco_assets.quality.measures import Numbers, broken, null_of, ordered_columns
from reco_assets.sources.rules import latest_second
from resources.tables.written import Extent, Written


def told_of(declaration: Declaration, written: Written, now: datetime) -> Numbers:
    """Those of the numbers of `measure_columns` that follow from the notes: rows, nulls, extremes, rules that hold."""
    numbers: Numbers = {"rows": written.rows}
    numbers |= {null_of(name): written.nulls(name) for name in declaration.required}
    numbers = {name: number for name, number in numbers.items() if number is not None}
    numbers |= {broken(rule): 0 for rule in declaration.rules if _holds(rule, written, now)}
    for name in ordered_columns(declaration):
        if (extent := written.extent(name)) is not None:
            numbers |= {f"lowest {name}": _number(pac.min(extent.lowest))}
            numbers |= {f"highest {name}": _number(pac.max(extent.highest))}
    return numbers


def _holds(rule: Rule, written: Written, now: datetime) -> bool:
    """Whether every row surely keeps the rule."""
    match rule.shape:
        case AtLeast(lowest):
            return (ends := _ends(rule, written)) is not None and ends[0] >= lowest
        case UntilNow():
            return (ends := _ends(rule, written)) is not None and ends[1] <= latest_second(now)
        case YearsUntil(first, ahead):
            return (ends := _ends(rule, written)) is not None and first <= ends[0] and ends[1] <= now.year + ahead
        case NotEmpty():
            texts = written.lowest_text(rule.columns[0])
            return texts is not None and not pac.any(pac.equal(texts, ""), min_count=0).as_py()
        case Calendar(time):
            extents = [extent for name in (time, "year", "month") if (extent := written.extent(name)) is not None]
            return len(extents) == 3 and _in_one_month(*extents)
    return False


def _ends(rule: Rule, written: Written) -> tuple[float, float] | None:
    """The lowest and the highest value of the rule's column, of none the ends of nothing; None where not noted."""
    extent = written.extent(rule.columns[0])
    if extent is None:
        return None
    lowest, highest = _number(pac.min(extent.lowest)), _number(pac.max(extent.highest))
    return inf if lowest is None else lowest, -inf if highest is None else highest


def _in_one_month(time: Extent, year: Extent, month: Extent) -> bool:
    """Whether in each file all times lie in the one month that its rows name."""
    if not len(time.lowest) == len(year.lowest) == len(month.lowest):
        return False
    ends = ((time.lowest, year.lowest, month.lowest), (time.highest, year.highest, month.highest))
    named = all(
        pac.all(pac.and_(pac.equal(pac.year(at), y), pac.equal(pac.month(at), m)), min_count=0).as_py()
        for at, y, m in ends
    )
    alike = pac.and_(pac.equal(year.lowest, year.highest), pac.equal(month.lowest, month.highest))
    return bool(named and pac.all(alike, min_count=0).as_py())


def _number(value: pa.Scalar) -> int | None:
    """A whole number; of a time its Unix second."""
    if pa.types.is_timestamp(value.type) and value.is_valid:
        return int(value.cast(pa.timestamp("us", value.type.tz)).value // 1_000_000)
    number: int | None = value.as_py()
    return number
