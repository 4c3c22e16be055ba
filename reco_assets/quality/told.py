"""What is known of a table's columns without a look at its rows: from what its writer noted of each file. Pure."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.quality.declaration import AtLeast, Calendar, Declaration, Rule, UntilNow
from reco_assets.quality.measures import Numbers, broken, null_of, ordered_columns
from reco_assets.vocabulary import CLOCK_SKEW
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
            found = _whole_extent(rule.columns[0], written)
            return found is not None and (found[0] is None or found[0] >= lowest)
        case UntilNow():
            found = _whole_extent(rule.columns[0], written)
            return found is not None and (found[1] is None or found[1] <= int((now + CLOCK_SKEW).timestamp()))
        case Calendar(time):
            extents = [extent for name in (time, "year", "month") if (extent := written.extent(name)) is not None]
            return len(extents) == 3 and _in_one_month(*extents)
    return False


def _whole_extent(column: str, written: Written) -> "tuple[int | None, int | None] | None":
    extent = written.extent(column)
    return None if extent is None else (_number(pac.min(extent.lowest)), _number(pac.max(extent.highest)))


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
