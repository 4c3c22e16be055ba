"""One window of new ratings against what the champion was trained and judged on: how it scored, and how surely.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from reco_assets.drift import scores
from reco_assets.drift.bootstrap import Resampling, Uncertainty, uncertainty
from reco_assets.drift.cells import Cells
from reco_assets.drift.histograms import UserHistogram
from reco_assets.drift.policy import PartEvidence, Reason, combined, resampling_of
from reco_assets.drift.scores import Scale
from reco_assets.drift.signals import Yardstick
from reco_assets.drift.windows import Window
from resources.settings.drift import DriftSettings

DIGITS = 10


@dataclass(frozen=True)
class Comparison:
    """One score with its uncertainty; `status` is "ok", or the reason why `score` and `uncertainty` are None.

    `windows`: of how many windows this is one, when chance is judged.
    """

    scale: Scale
    reference: UserHistogram
    current: UserHistogram
    status: str
    config: DriftSettings
    resampling: Resampling | None
    score: scores.Score | None = None
    windows: int = 1

    @cached_property
    def uncertainty(self) -> Uncertainty | None:
        """What chance does to the score; None where that isn't asked for, or where a side is a single user."""
        if self.score is None or self.resampling is None:
            return None
        return uncertainty(self.reference, self.current, self.scale, self.config, self.resampling)

    @property
    def evidence(self) -> PartEvidence | None:
        """What the policies look at. A side of a single user proves nothing: its p-value is 1."""
        if self.score is None:
            return None
        p_value = self.uncertainty.p_value if self.uncertainty else 1.0
        users = min(self.reference.users, self.current.users)
        return PartEvidence(float(self.score.score), p_value, users, self.windows)


def compare(
    reference: UserHistogram, current: UserHistogram, scale: Scale, config: DriftSettings, windows: int = 1
) -> Comparison:
    """Score current against reference; "insufficient_data" where a side is empty."""
    status, score = str(Reason.INSUFFICIENT_DATA), None
    if min(reference.rows, current.rows):
        status, score = "ok", scores.score(reference.total, current.total, scale, config)
    return Comparison(scale, reference, current, status, config, resampling_of(config, windows), score, windows)


def compare_predictions(
    reference: UserHistogram, current: UserHistogram, config: DriftSettings, windows: int = 1
) -> Comparison:
    """Prediction drift of warm pairs; "insufficient" where the new test has fewer than `min_warm_pairs`."""
    scale = scores.prediction_scale(reference.total)
    if current.rows < config.min_warm_pairs or reference.rows == 0:
        sampled = resampling_of(config, windows)
        return Comparison(scale, reference, current, "insufficient", config, sampled, windows=windows)
    return compare(reference, current, scale, config, windows)


def scores_of(yardstick: Yardstick, current: Cells, window: Window) -> dict[str, Any]:
    """A finding without what chance does, which costs a bootstrap: of a window whose score exceeds nothing."""
    data, model = _compare_both(yardstick, current)
    sections = [section(replace(part, resampling=None)) for part in (data, model)]
    return _found(window, sections, dict.fromkeys(signal.name for signal in yardstick.signals), yardstick.config)


def finding(yardstick: Yardstick, current: Cells, window: Window, windows: int = 1) -> dict[str, Any]:
    """All that a report says of one window, one of so many that are judged, as JSON."""
    sections = [section(part) for part in _compare_both(yardstick, current, windows)]
    measured = {signal.name: signal.measure(yardstick, current, windows) for signal in yardstick.signals}
    return _found(window, sections, measured, yardstick.config)


def _compare_both(yardstick: Yardstick, current: Cells, windows: int = 1) -> tuple[Comparison, Comparison]:
    reference, config = yardstick.reference, yardstick.config
    data = compare(reference.ratings, current.ratings, scores.rating_scale(), config, windows)
    return data, compare_predictions(reference.predictions, current.predictions, config, windows)


def _found(
    window: Window, sections: Sequence[dict[str, Any]], measured: Mapping[str, Any], config: DriftSettings
) -> dict[str, Any]:
    data, model = sections
    score = combined([data["score"], model["score"]], config)
    place = {"start": window.start, "end": window.end}
    found: dict[str, Any] = plain({**place, "drift_score": score, "data_drift": data, "model_drift": model, **measured})
    return found


def section(found: Comparison) -> dict[str, Any]:
    """A comparison as a report shows it."""
    sides = {"reference": found.reference, "current": found.current}
    shown: dict[str, Any] = {
        "status": found.status,
        "score": None,
        "rows": {name: side.rows for name, side in sides.items()},
        "users": {name: side.users for name, side in sides.items()},
    }
    if found.score is None:
        return shown
    shown |= {
        "score": found.score.score,
        "kl": found.score.kl,
        "mean_shift": found.score.mean_shift,
        "median_shift": found.score.median_shift,
    }
    if chance := found.uncertainty:
        shown |= {
            "kl_corrected": max(found.score.kl - chance.kl_noise, 0.0),
            "p_value": chance.p_value,
            "p_value_corrected": min(chance.p_value * found.windows, 1.0),
            "score_interval": chance.score_interval,
            "mean_shift_interval": chance.mean_shift_interval,
            "smallest_detectable_shift": chance.smallest_detectable_shift,
        }
    shares = {name: found.scale.binned(side.total) / side.rows for name, side in sides.items()}
    return shown | {"windows_judged": found.windows, "distribution": {"from_stars": found.scale.labels, **shares}}


def evidence_in(shown: Mapping[str, Any]) -> PartEvidence | None:
    """What the policies look at, from a section."""
    if shown["score"] is None:
        return None
    return PartEvidence(
        shown["score"], shown.get("p_value", 1.0), min(shown["users"].values()), shown["windows_judged"]
    )


def plain(value: Any) -> Any:
    """What JSON knows, floats to ten digits: sums over cores and processors agree that far."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(entry) for entry in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}")
    return str(value) if isinstance(value, Reason) else value
