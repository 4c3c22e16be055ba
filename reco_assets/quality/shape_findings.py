"""Findings on all rows together: how values and users are distributed, against an earlier version. Pure."""

from collections.abc import Sequence
from math import exp, log

import numpy as np

from reco_assets.quality import kinds
from reco_assets.quality.declaration import Bins, Declaration
from reco_assets.quality.distributions import Shift, shift
from reco_assets.quality.finding import Earlier, Finding
from reco_assets.quality.measures import Measured, Numbers, Rows, bin_names, broken, null_of
from resources.settings.quality import QualitySettings

FEWEST_USERS = 20  # quartiles of fewer say nothing


def distribution_finding(
    declaration: Declaration, numbers: Numbers, reference: Earlier | None, limits: QualitySettings
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
        beyond = seen.psi > limits.psi_threshold or seen.jensen_shannon > limits.js_threshold
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


def outlier_finding(declaration: Declaration, measured: Measured, beyond: Rows, limits: QualitySettings) -> Finding:
    """Users that rate faster than a person can, and users beyond the fence; `beyond` are some of those."""
    too_fast, totals = measured.numbers["users too fast"], measured.numbers["totals"]
    limit = fence(totals, limits.iqr_factor)
    far = sum(users for ratings, users in totals if limit is not None and ratings > limit)
    texts = [f"{too_fast:,} users rated over {limits.max_ratings_per_day:,} times in a day."] if too_fast else []
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
