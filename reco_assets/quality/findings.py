"""From numbers to findings: what was checked, whether it holds, and what to do where it doesn't. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any, Literal

import numpy as np

from reco_assets.quality import kinds
from reco_assets.quality.declarations import Bins, Declaration, Empty
from reco_assets.quality.distributions import Shift, shift
from reco_assets.quality.measures import Measured, Numbers, Rows, bin_names, broken, null_of
from resources.settings import Settings

Severity = Literal["error", "warning"]
LOOK_ABOVE = "Look at what it is made from."
FEWEST_USERS = 20  # quartiles of fewer say nothing


@dataclass(frozen=True)
class Thresholds:
    """From where on a difference is a warning: psi in nats, Jensen-Shannon in bits, ratings of one user in one day,
    and quartile ranges above the upper quartile of the users' numbers of ratings.
    """

    psi: float = 0.2
    jensen_shannon: float = 0.1
    ratings_a_day: int = 2_880
    quartile_ranges: float = 3.0

    @classmethod
    def from_settings(cls, settings: Settings) -> "Thresholds":
        """What the QUALITY_* variables say."""
        return cls(
            settings.quality.psi_threshold,
            settings.quality.js_threshold,
            settings.quality.max_ratings_per_day,
            settings.quality.iqr_factor,
        )


@dataclass(frozen=True)
class Finding:
    """The result of one check: `severity` counts only where it did not pass.

    `numbers` are the measured figures by name, `samples` up to five offending rows by what is wrong with them.
    """

    table: str
    kind: str
    passed: bool
    text: str
    severity: Severity = "error"
    numbers: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True)
class Earlier:
    """The numbers of another version of a table, and what that version is in words."""

    version: int
    numbers: Numbers
    what: str


def absent(declaration: Declaration, kind: str) -> Finding:
    """Nothing to check: fine where the table comes with its first file, else one warning, of `schema`."""
    table = declaration.table
    if declaration.may_be_absent:
        return Finding(table, kind, passed=True, text="Not there before its first file: nothing to check.")
    if kind != kinds.SCHEMA:
        return Finding(table, kind, passed=True, text="No run has made the table yet: nothing to check.")
    text = f"No run has made the table yet. Materialize it: {_making(declaration)}"
    return Finding(table, kind, passed=False, severity="warning", text=text)


def gone(declaration: Declaration, kind: str) -> Finding:
    """An error: the table was there."""
    text = f"The table was there and is gone. Bring it back from a backup, or make it again: {_making(declaration)}"
    return Finding(declaration.table, kind, passed=False, text=text)


def _making(declaration: Declaration) -> str:
    return f"dagster asset materialize -m reco_assets.definitions --select '*{declaration.table}'"


def unmeasured(declaration: Declaration, kind: str) -> Finding:
    """The columns that this kind is about are missing or of another type, which is what `schema` finds."""
    return Finding(declaration.table, kind, passed=True, text="Not measured: the columns are wrong, see schema.")


def schema_finding(declaration: Declaration, found: Mapping[str, str]) -> Finding:
    """Columns (name to type) against the declared layout that they are nearest to."""
    differences = min((_differences(layout, found) for layout in _layouts(declaration)), key=len)
    text = "; ".join(differences) + ". Build the table again." if differences else f"All {len(found)} columns fit."
    numbers = {"columns": len(found), "wrong columns": differences}
    return Finding(declaration.table, kinds.SCHEMA, not differences, text, numbers=numbers)


def fitting_columns(declaration: Declaration, found: Mapping[str, str]) -> frozenset[str]:
    """The columns that are there with a declared type: what else is asked of the table can be measured on them."""
    return frozenset(
        name for layout in _layouts(declaration) for name, kind in layout.items() if found.get(name) == kind
    )


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


def distribution_finding(
    declaration: Declaration, numbers: Numbers, reference: Earlier | None, limits: Thresholds
) -> Finding:
    """Each binned column against the reference; shifts that noise alone may cause are told and do not warn."""
    found: Numbers = {counts_of(bins): counted(bins, numbers) for bins in declaration.distributions}
    if reference is None:
        text = "No reference yet: the next version is compared with this one."
        return Finding(
            declaration.table, kinds.DISTRIBUTIONS, passed=True, text=text, severity="warning", numbers=found
        )
    told: list[str] = []
    shifted = False
    for bins in declaration.distributions:
        name = bins.column
        found[reference_counts_of(bins)] = counted(bins, reference.numbers)
        seen = shift(_histogram(bins, reference.numbers), _histogram(bins, numbers))
        if seen is None:
            told.append(f"{name} has no values to compare.")
            continue
        beyond = seen.psi > limits.psi or seen.jensen_shannon > limits.jensen_shannon
        shifted = shifted or (beyond and seen.psi > seen.noise)
        told.append(f"{name}: {_verdict(seen, beyond)} against {reference.what}.")
        found |= {f"{name} psi": seen.psi, f"{name} jensen_shannon": seen.jensen_shannon, f"{name} noise": seen.noise}
    return Finding(
        declaration.table,
        kinds.DISTRIBUTIONS,
        passed=not shifted,
        text=" ".join(told) + (" See what changed in the source." if shifted else ""),
        severity="warning",
        numbers=found | {"reference version": reference.version},
    )


def outlier_finding(declaration: Declaration, measured: Measured, beyond: Rows, limits: Thresholds) -> Finding:
    """Users that rate faster than a person can, and users beyond the fence; `beyond` are some of those."""
    too_fast, totals = measured.numbers["users too fast"], measured.numbers["totals"]
    limit = fence(totals, limits.quartile_ranges)
    far = sum(users for ratings, users in totals if limit is not None and ratings > limit)
    texts = [f"{too_fast:,} users rated over {limits.ratings_a_day:,} times in a day."] if too_fast else []
    texts += [f"{far:,} users rated over {limit:,.0f} times, far beyond the others."] if far else []
    fix = "A person does not: see where these ratings come from."
    return Finding(
        declaration.table,
        kinds.OUTLIERS,
        passed=not texts,
        text=" ".join([*texts, fix]) if texts else "No user rates unlike a person.",
        severity="warning",
        numbers={
            "users": sum(users for _, users in totals),
            "users too fast": too_fast,
            "busiest day": measured.numbers["busiest day"],
            "users beyond the fence": far,
            "fence": limit,
        },
        samples={**measured.samples, **({"users beyond the fence": beyond} if far else {})},
    )


def fence(totals: Sequence[Sequence[int]], quartile_ranges: float) -> float | None:
    """The number of ratings that is that many quartile ranges above the upper quartile; None for too few users.

    On the logarithm of the counts, whose tail is long: on the counts themselves a tenth of MovieLens's users would be
    outliers.
    """
    counts = np.repeat([log(ratings) for ratings, _ in totals], [users for _, users in totals])
    if len(counts) < FEWEST_USERS:
        return None
    lower, upper = np.quantile(counts, [0.25, 0.75])
    return exp(upper + quartile_ranges * (upper - lower)) if upper > lower else None


def acceptable(declaration: Declaration, numbers: Numbers) -> bool:
    """Whether the columns of a version have no errors, so that a later one may be compared with it."""
    asked = [null_of(name) for name in declaration.required]
    asked += [broken(rule) for rule in declaration.rules if not rule.warns]
    return bool(numbers["rows"]) and not any(numbers.get(name) for name in asked)


def counted(bins: Bins, numbers: Numbers) -> dict[str, int]:
    """How many values are in each bin, by its label; 0 where that was not measured."""
    return {label: numbers.get(name) or 0 for label, name in zip(bins.labels, bin_names(bins), strict=True)}


def counts_of(bins: Bins) -> str:
    """The name of a histogram among a finding's numbers."""
    return f"{bins.column} counts"


def reference_counts_of(bins: Bins) -> str:
    """The name of the reference's histogram among a finding's numbers."""
    return f"{bins.column} reference counts"


def _histogram(bins: Bins, numbers: Numbers) -> np.ndarray:
    return np.array(list(counted(bins, numbers).values()))


def _verdict(seen: Shift, beyond: bool) -> str:
    figures = f"psi {seen.psi:.3f}, Jensen-Shannon {seen.jensen_shannon:.3f}"
    return f"{figures}, which with so few rows may be noise," if beyond and seen.psi <= seen.noise else figures


def _layouts(declaration: Declaration) -> list[dict[str, str]]:
    return [{field.name: field.dataType.simpleString() for field in layout} for layout in declaration.layouts]


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
