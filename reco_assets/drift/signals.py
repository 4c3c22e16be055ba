"""What a report says beside the drift score, an entry each, and which of it may call for a retraining by itself. Pure.

A new signal is one more entry in `SIGNALS`: reports show it, and where it has a trigger, every window is watched for it
and the policies act on it under which it counts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from reco_assets.drift.cells import UNITS, Cells
from reco_assets.drift.measures import Occurrences, error_shift, mix
from reco_assets.drift.policy import ADAPTIVE, resampling
from reco_assets.drift.sampling import EVERYBODY, UserSample
from reco_assets.drift.spans import Spans
from resources.settings.drift import DriftSettings
from resources.settings.group import Limit

Measured = Mapping[str, Any]
RMSE = "rmse"


@dataclass(frozen=True)
class Yardstick:
    """What new ratings are held against: the champion's own ratings, the settings, and the signals that are looked at.

    `reference`: the ratings that the champion was trained and judged on, those of the users in `sample`; but all
    ratings of movies. `days`: from the last training to the newest file that waits; None where that isn't known.
    """

    reference: Cells
    config: DriftSettings
    signals: Sequence["Signal"] = field(default_factory=lambda: SIGNALS)
    sample: UserSample = EVERYBODY
    days: float | None = None

    def signal(self, name: str) -> "Signal":
        """The signal of a name."""
        return next(each for each in self.signals if each.name == name)

    @property
    def watched(self) -> Iterator[tuple[str, "Trigger", float]]:
        """Name, trigger and limit of the signals that call for a retraining under some policy, as settings have it."""
        for signal in self.signals:
            if signal.triggers and (limit := signal.triggers.limit_in(self.config)) is not None:
                yield signal.name, signal.triggers, limit


@dataclass(frozen=True)
class Trigger:
    """When a signal calls for a retraining by itself: its strength is above the limit, and it is no work of chance.

    Attributes:
        reason: The code in reports.
        sentence: The same for people; `{limit}` and the names of settings may stand in it in braces.
        limit: The strength above which it counts under every policy, from the settings: None to count under the
            adaptive policy alone, "off" to inform only.
        adaptive: The strength above which it counts under the adaptive policy where the settings name none.
        strength: Of what was measured in one window.
        is_sure: Whether what was measured in one window, and its limit, say that this is no work of chance.
        strengths: Of n windows at once, (n,), NaN where it isn't known: the largest is measured, also of windows that
            ended earlier, without knowing what is chance. Without it all that waits is measured.
    """

    reason: str
    sentence: str
    limit: Callable[[DriftSettings], Limit]
    strength: Callable[[Measured], float]
    is_sure: Callable[[Measured, float], bool]
    strengths: Callable[[Yardstick, Spans], np.ndarray] | None = None
    adaptive: float | None = None

    def limit_in(self, config: DriftSettings) -> float | None:
        """The strength above which some policy retrains; None where none does."""
        limit = self.limit(config)
        if limit == "off":
            return None
        return self.adaptive if limit is None else float(limit)

    def counts_under(self, policy: str, config: DriftSettings) -> bool:
        """Whether a policy retrains on it: a limit that somebody set counts under all of them."""
        return policy == ADAPTIVE or self.limit(config) is not None

    def fires(self, measured: Measured | None, limit: float) -> bool:
        """Whether what was measured in one window calls for a retraining."""
        return measured is not None and self.strength(measured) > limit and self.is_sure(measured, limit)


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


def _unknown(name: str, by: str, cells_of: Callable[[Yardstick, Cells], np.ndarray]) -> Signal:
    """How the mix of users (movies) changed, and how many new ratings are by (of) those without an old one.

    `cells_of`: cells that have a user (movie) in their second column and rows in their last.
    """

    def counted(yardstick: Yardstick, cells: Cells) -> Occurrences:
        columns = cells_of(yardstick, cells)
        ids, at = np.unique(columns[:, 1], return_inverse=True)
        return Occurrences(ids, np.bincount(at, columns[:, -1], len(ids)).astype(np.int64))

    def measure(yardstick: Yardstick, current: Cells, windows: int) -> Measured | None:
        new, config = counted(yardstick, current), yardstick.config
        enough = len(new.ids) >= config.min_users and current.ratings.rows >= config.min_window_rows
        found = mix(counted(yardstick, yardstick.reference), new, enough, windows)
        return asdict(found) if found else None

    def shares(yardstick: Yardstick, spans: Spans) -> np.ndarray:
        cells, known = cells_of(yardstick, spans.cells), counted(yardstick, yardstick.reference).ids
        new, rows = cells[~np.isin(cells[:, 1], known)], spans.sums(cells, -1)
        return np.where(rows > 0, spans.sums(new, -1) / np.maximum(rows, 1), np.nan)

    return Signal(
        name,
        measure,
        shown={
            f"new {name}, share of {name}": "new_share",
            f"new {name}, share of ratings": "new_row_share",
            f"new {name}, share of ratings, 95 % interval": "new_row_interval",
            f"mix of known {name}, Jensen-Shannon (bits)": "divergence",
        },
        numbers={
            f"new_{name[:-1]}_share": "new_share",
            f"new_{name[:-1]}_row_share": "new_row_share",
            f"{name[:-1]}_mix_divergence": "divergence",
        },
        triggers=Trigger(
            reason=f"unknown_{name}",
            sentence=f"surely more than {{limit:.0%}} of the new ratings are {by} {name} that the champion "
            "doesn't know",
            limit=lambda config: getattr(config, f"unknown_{name}_trigger"),
            strength=lambda measured: float(measured["new_row_share"]),
            is_sure=lambda measured, limit: bool(
                measured["new_row_interval"] and measured["new_row_interval"][0] > limit
            ),
            strengths=shares,
            adaptive=0.3,
        ),
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


def _volume(yardstick: Yardstick, current: Cells, _: int) -> Measured | None:
    """How many ratings came since the champion was trained, against those that it was trained on."""
    trained = int(yardstick.reference.movies[:, 2].sum())
    rows = int(current.movies[:, 2].sum())
    return {"rows": rows, "share": rows / trained} if trained else None


SIGNALS: tuple[Signal, ...] = (
    _unknown("users", "by", lambda yardstick, cells: cells.train[yardstick.sample.holds(cells.train[:, 1])]),
    _unknown("movies", "of", lambda _, cells: cells.movies),
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
            sentence="the champion's RMSE is worse on the new labels by more than {limit:g} stars",
            limit=lambda config: config.rmse_trigger,
            strength=lambda measured: float(measured["shift"]),
            is_sure=lambda measured, _: bool(measured["interval"][0] > 0),
            strengths=_rmse_shifts,
            adaptive=0.1,
        ),
    ),
    Signal(
        "volume",
        _volume,
        shown={"new ratings, share of those trained on": "share"},
        numbers={"volume": "share"},
        triggers=Trigger(
            reason="many_new_ratings",
            sentence="more than {limit:.0%} of what the champion was trained on came since",
            limit=lambda config: config.volume_trigger,
            strength=lambda measured: float(measured["share"]),
            is_sure=lambda *_: True,
            adaptive=0.2,
        ),
    ),
    Signal(
        "age",
        lambda yardstick, *_: None if yardstick.days is None else {"days": yardstick.days},
        shown={"days from the champion's training to the newest file": "days"},
        numbers={"champion_age_days": "days"},
        triggers=Trigger(
            reason="old_champion",
            sentence="the champion was trained more than {limit:g} days before the newest file",
            limit=lambda config: config.age_trigger_days,
            strength=lambda measured: float(measured["days"]),
            is_sure=lambda *_: True,
            adaptive=180.0,
        ),
    ),
)
