"""Findings on what a declaration demands: columns, values, keys, references, rows. Each says what to do. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from reco_assets.quality import kinds
from reco_assets.quality.declaration import Declaration, Empty
from reco_assets.quality.finding import Earlier, Finding, Severity
from reco_assets.quality.measures import Measured, Numbers, Rows, broken, null_of

LOOK_ABOVE = "Look at what it is made from."


def schema_finding(declaration: Declaration, found: Mapping[str, str]) -> Finding:
    """Columns (name to type) against the declared ones."""
    differences = _differences(_types(declaration), found)
    text = "; ".join(differences) + ". Build the table again." if differences else f"All {len(found)} columns fit."
    numbers = {"columns": len(found), "wrong columns": differences}
    return Finding(declaration.table, kinds.SCHEMA, not differences, text, numbers=numbers)


def fitting_columns(declaration: Declaration, found: Mapping[str, str]) -> frozenset[str]:
    """The columns that are there with a declared type: what else is asked of the table can be measured on them."""
    return frozenset(name for name, kind in _types(declaration).items() if found.get(name) == kind)


def null_finding(declaration: Declaration, measured: Measured) -> Finding:
    """Nulls in required columns, in percent of the rows; none is allowed."""
    rows = measured.numbers["rows"]
    counts = {name: measured.numbers[null_of(name)] for name in declaration.required}
    some = {name: count for name, count in counts.items() if count}
    text = "; ".join(f"{name} is null in {_of(count, rows)}" for name, count in some.items())
    numbers = {f"null % {name}": 100.0 * count / rows if rows else 0.0 for name, count in counts.items()}
    return Finding(
        declaration.table,
        kinds.NULLS,
        passed=not some,
        text=f"{text}. Mend the source, or let cleaning refuse such rows." if some else "No required value is null.",
        numbers=numbers,
        samples=_samples(measured, [null_of(name) for name in some]),
    )


def range_finding(declaration: Declaration, measured: Measured) -> Finding:
    """Rows that break a rule; a warning where only rules that warn are broken."""
    counts = {rule: measured.numbers[broken(rule)] for rule in declaration.rules}
    some = {rule: count for rule, count in counts.items() if count}
    rows = measured.numbers["rows"]
    text = "; ".join(f"{_of(count, rows)} break: {rule.name}" for rule, count in some.items())
    return Finding(
        declaration.table,
        kinds.RANGES,
        passed=not some,
        text=f"{text}. Mend the source, or let cleaning refuse such rows." if some else "Every rule holds.",
        severity="warning" if some and all(rule.warns for rule in some) else "error",
        numbers={rule.name: count for rule, count in counts.items()} | _extremes(measured.numbers),
        samples=_samples(measured, [broken(rule) for rule in some]),
    )


def duplicate_finding(declaration: Declaration, measured: Measured) -> Finding:
    """Keys that occur more than once; none may."""
    repeated, key = measured.numbers["repeated keys"], ", ".join(declaration.key)
    text = f"{repeated:,} keys ({key}) occur more than once, {measured.numbers['rows too many']:,} rows too many."
    return Finding(
        declaration.table,
        kinds.DUPLICATES,
        passed=not repeated,
        text=f"{text} Build the table again." if repeated else f"Every key ({key}) occurs once.",
        numbers=measured.numbers,
        samples=measured.samples,
    )


def reference_finding(declaration: Declaration, measured: Mapping[str, Measured | None]) -> Finding:
    """Ids that the table referred to (by name) does not hold; None where that has no rows, and nothing is checked."""
    unknown = {table: found for table, found in measured.items() if found and found.numbers["unknown ids"]}
    empty = [f"{table} has no rows: nothing to check." for table, found in measured.items() if found is None]
    texts = [
        f"{found.numbers['unknown ids']:,} ids in {found.numbers['rows']:,} places are not in {table}: complete it."
        for table, found in unknown.items()
    ]
    return Finding(
        declaration.table,
        kinds.REFERENCES,
        passed=not unknown,
        text=" ".join(texts or empty or ["Every id is there."]),
        severity="warning",
        numbers={f"{name} in {table}": n for table, found in measured.items() if found for name, n in _all(found)},
        samples={f"not in {table}": found.samples["unknown ids"] for table, found in unknown.items()},
    )


def row_count_finding(declaration: Declaration, rows: int, before: Earlier | None, why_empty: str = "") -> Finding:
    """Rows at all, and a change against an earlier version that is larger than declared: a warning.

    `why_empty` says why there are no rows, where that is known.
    """
    numbers: dict[str, Any] = {"rows": rows}
    if not rows:
        severity: Severity = "error" if declaration.empty is Empty.ERROR else "warning"
        passed = declaration.empty is Empty.FINE
        text = "No rows, which is fine here." if passed else f"The table is empty. {why_empty or LOOK_ABOVE}"
        return Finding(declaration.table, kinds.ROW_COUNT, passed, text, severity, numbers)
    if before is None or not before.numbers["rows"]:
        text = f"{rows:,} rows; no earlier version to compare with."
        return Finding(declaration.table, kinds.ROW_COUNT, passed=True, text=text, severity="warning", numbers=numbers)
    change = rows / before.numbers["rows"] - 1
    shrunk = declaration.may_shrink is not None and change < -declaration.may_shrink
    grown = declaration.may_grow is not None and change > declaration.may_grow
    text = f"{rows:,} rows, {change:+.1%} against {before.what}."
    return Finding(
        declaration.table,
        kinds.ROW_COUNT,
        passed=not (shrunk or grown),
        text=f"{text} More than declared: see whether the source was cut short." if shrunk or grown else text,
        severity="warning",
        numbers=numbers | {"rows before": before.numbers["rows"], "change": change, "version before": before.version},
    )


def _types(declaration: Declaration) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in declaration.columns}


def _differences(declared: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    missing = [f"column {name} ({kind}) is missing" for name, kind in declared.items() if name not in found]
    wrong = [
        f"column {name} is {found[name]} and must be {kind}"
        for name, kind in declared.items()
        if name in found and found[name] != kind
    ]
    return [*missing, *wrong, *(f"column {name} is not declared" for name in found if name not in declared)]


def _extremes(numbers: Numbers) -> Numbers:
    return {name: value for name, value in numbers.items() if name.startswith(("lowest ", "highest "))}


def _samples(measured: Measured, names: Sequence[str]) -> dict[str, Rows]:
    return {name: measured.samples[name] for name in names if name in measured.samples}


def _all(measured: Measured) -> list[tuple[str, Any]]:
    return list(measured.numbers.items())


def _of(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows ({count / rows:.2%})"
