"""What a report says beside the drift score, an entry each, and which of it may call for a retraining by itself. Pure.

A new signal is one more entry in `SIGNALS`: reports show it, and where it has a trigger, every window is watched for it
and both policies act on it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from reco_assets.drift.cells import UNITS, Cells
from reco_assets.drift.measures import Occurrences, error_shift, mix
from reco_assets.drift.policy import resampling
from reco_assets.drift.sampling import EVERYBODY, UserSample
from reco_assets.drift.spans import Spans
from resources.settings.drift import DriftSettings

Measured = Mapping[str, Any]
RMSE = "rmse"


@dataclass(frozen=True)
class Yardstick:
    """What new ratings are held against: the champion's own ratings, the settings, and the signals that are looked at.

    `reference`: the ratings that the champion was trained and judged on, those of the users in `sample`; but all
    ratings of movies.
    """

    reference: Cells
    config: DriftSettings
    signals: Sequence["Signal"] = field(default_factory=lambda: SIGNALS)
    sample: UserSample = EVERYBODY

    def signal(self, name: str) -> "Signal":
        """The signal of a name."""
        return next(each for each in self.signals if each.name == name)

    @property
    def watched(self) -> Iterator["Signal"]:
        """The signals whose strength in every window is looked at: those that act, and those for which it is cheap."""
        armed = {name for name, _, _ in self.armed}
        yield from (each for each in self.signals if each.triggers and (each.triggers.strengths or each.name in armed))

    @property
    def armed(self) -> Iterator[tuple[str, "Trigger", float]]:
        """Name, trigger and limit of the signals that may call for a retraining, as the settings have it."""
        for signal in self.signals:
            if signal.triggers and (limit := signal.triggers.limit(self.config)) is not None:
                yield signal.name, signal.triggers, limit


@dataclass(frozen=True)
class Trigger:
    """When a signal calls for a retraining by itself: its strength is above the limit, and it is no work of chance.

    Attributes:
        reason: The code in reports.
        sentence: The same for people; the names of settings may stand in it in braces.
        limit: The strength above which it counts, from the settings; None where the signal only informs.
        strength: Of what was measured in one window.
        is_sure: Whether what was measured in one window is no work of chance.
        strengths: Of n windows at once, (n,), NaN where it isn't known. It need not know what is chance, only which
            window is the strongest. Without it each window is measured, which takes long where many batches wait.
    """

    reason: str
    sentence: str
    limit: Callable[[DriftSettings], float | None]
    strength: Callable[[Measured], float]
    is_sure: Callable[[Measured], bool]
    strengths: Callable[[Yardstick, Spans], np.ndarray] | None = None

    def fires(self, measured: Measured | None, limit: float) -> bool:
        """Whether what was measured in one window calls for a retraining."""
        return measured is not None and self.strength(measured) > limit and self.is_sure(measured)


@dataclass(frozen=True)
class Signal:
    """One thing that a report says of a window beside its score.

    Attributes:
        name: Its key in reports.
        measure: From the yardstick, the window's ratings and the number of windows that are judged with it, what was
            found as plain values; None where nothing can be said.
        shown: {line in the report's table: key of what was measured}.
        numbers: {name under which it is plotted over time: key of what was measured}.
        triggers: When it calls for a retraining; None for what informs only.
    """

    name: str
    measure: Callable[[Yardstick, Cells, int], Measured | None]
    shown: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    triggers: Trigger | None = None

    def strengths(self, yardstick: Yardstick, spans: Spans) -> np.ndarray:
        """The strength of each of n windows, (n,), NaN where it isn't known or the signal has no trigger."""
        found = np.full(len(spans.windows), np.nan)
        if self.triggers and self.triggers.strengths:
            return self.triggers.strengths(yardstick, spans)
        for at, window in enumerate(spans.windows if self.triggers else ()):
            measured = self.measure(yardstick, spans.cells.between(window.start, window.end), 1)
            if self.triggers and measured is not None:
                found[at] = self.triggers.strength(measured)
        return found


def _mix(
    name: str,
    singular: str,
    occurrences: Callable[[Cells], Occurrences],
    among: Callable[[Yardstick, Occurrences], Occurrences],
) -> Signal:
    """How the mix of users (movies) changed; `among`: those of the new ones that the reference can know."""

    def measure(yardstick: Yardstick, current: Cells, _: int) -> Measured | None:
        found = mix(occurrences(yardstick.reference), among(yardstick, occurrences(current)))
        return asdict(found) if found else None

    return Signal(
        name,
        measure,
        shown={
            f"new {name}, share of {name}": "new_share",
            f"new {name}, share of ratings": "new_row_share",
            f"mix of known {name}, Jensen-Shannon (bits)": "divergence",
        },
        numbers={f"new_{singular}_share": "new_share", f"{singular}_mix_divergence": "divergence"},
    )


def _rmse(yardstick: Yardstick, current: Cells, windows: int) -> Measured | None:
    """How wrong the champion is on labels that came later; None where prediction drift can't be scored either."""
    reference, config = yardstick.reference, yardstick.config
    if current.predictions.rows < config.min_warm_pairs or reference.predictions.rows == 0:
        return None
    found = error_shift(reference.errors, current.errors, resampling(config), windows)
    return asdict(found) if found else None


def _rmse_shifts(yardstick: Yardstick, spans: Spans) -> np.ndarray:
    """The shift of the RMSE in n windows, stars, (n,)."""
    known, new = yardstick.reference.warm, spans.cells.warm
    rows, squared = spans.sums(new, 3), spans.sums(new, 4)
    before = known[:, 4].sum() / max(known[:, 3].sum(), 1) / UNITS
    shifts = np.sqrt(squared / np.maximum(rows, 1) / UNITS) - np.sqrt(before)
    judgeable = (rows >= yardstick.config.min_warm_pairs) & (len(known) > 0)
    return np.where(judgeable, shifts, np.nan)


SIGNALS: tuple[Signal, ...] = (
    _mix(
        "users",
        "user",
        lambda cells: Occurrences(cells.ratings.user_id, cells.ratings.rows_per_user),
        lambda yardstick, users: users.where(yardstick.sample.holds(users.ids)),
    ),
    _mix("movies", "movie", lambda cells: cells.rated_movies, lambda _, movies: movies),
    Signal(
        RMSE,
        _rmse,
        shown={
            "champion's warm RMSE, original test": "reference",
            "champion's warm RMSE, new test": "current",
            "RMSE shift (stars)": "shift",
            "RMSE shift, 95 % interval": "interval",
        },
        numbers={f"rmse_{key}": key for key in ("reference", "current", "shift")},
        triggers=Trigger(
            reason="rmse_worse",
            sentence="the champion's RMSE is worse on the new labels by more than {rmse_trigger} stars",
            limit=lambda config: config.rmse_trigger,
            strength=lambda measured: float(measured["shift"]),
            is_sure=lambda measured: bool(measured["interval"][0] > 0),
            strengths=_rmse_shifts,
        ),
    ),
)
