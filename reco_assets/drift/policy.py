"""When drift leads to a retraining: the documented rule and the calibrated one, and the reasons they give. Pure.

The adaptive policy is the calibrated rule with every trigger of `signals.SIGNALS` set.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reco_assets.drift.bootstrap import Resampling
from resources.errors import RecoError
from resources.settings.drift import DriftSettings

DOCUMENTED, CALIBRATED, ADAPTIVE = "documented", "calibrated", "adaptive"
WEIGHTS = ("kl_threshold", "mean_threshold", "median_threshold", "kl_weight", "mean_weight", "median_weight")
STEEPNESS = 2.5  # of the bar for small windows; at 2 files of 3,600 rows without drift retrain in 3 % instead of 1 %


class DriftConfigError(RecoError):
    """Settings of the drift score that can never lead to a verdict."""


class Reason(StrEnum):
    """Why a verdict is what it is; the codes in reports."""

    DRIFT_ABOVE_THRESHOLD = "drift_above_threshold"
    BELOW_THRESHOLD = "below_threshold"
    NOT_SIGNIFICANT = "not_significant"
    INSUFFICIENT_DATA = "insufficient_data"
    INSUFFICIENT_USERS = "insufficient_users"
    INSUFFICIENT_WARM_PAIRS = "insufficient_warm_pairs"
    NO_BATCHES = "no_batches"
    NO_CHAMPION = "no_champion"


def reachable(config: DriftSettings) -> DriftSettings:
    """The same configuration. Raises `DriftConfigError` where its samples are too few for its p-value."""
    if config.p_value * (config.bootstrap_samples + 1) < 1:
        raise DriftConfigError(
            f"DRIFT_P_VALUE={config.p_value:g} is out of reach of DRIFT_BOOTSTRAP_SAMPLES={config.bootstrap_samples}: "
            f"set at least {round(1 / config.p_value)} samples."
        )
    return config


def resampling(config: DriftSettings) -> Resampling:
    """What the bootstrap takes of the configuration."""
    return Resampling(config.bootstrap_samples, config.seed, config.p_value)


def resampling_of(config: DriftSettings, windows: int) -> Resampling:
    """The same where one of so many windows is judged: twice the samples that its corrected p-value needs."""
    samples = max(config.bootstrap_samples, math.ceil(2 * windows / config.p_value))
    return replace(resampling(config), samples=samples)


def least_weight(config: DriftSettings) -> float:
    """Score times training rows that a window of fewer than `min_window_rows` must exceed to be judged."""
    return STEEPNESS * config.threshold * config.min_window_rows


def bar(config: DriftSettings, rows: int) -> float | None:
    """The score above which a window of so many training rows counts; None where no score does."""
    if rows >= config.min_window_rows:
        return config.threshold
    return least_weight(config) / rows if rows else None


def as_document(config: DriftSettings) -> dict[str, Any]:
    """The configuration as the report records it: all that the report depends on beside the data."""
    # In this order, as a report is known by the hash of what it holds; what settings get later comes behind.
    document = {
        **{name: getattr(config, name) for name in ("policy", "threshold", "combine")},
        "weights": {name: getattr(config, name) for name in WEIGHTS},
        **{name: getattr(config, name) for name in ("min_window_rows", "min_warm_pairs", "min_users", "p_value")},
        "samples": config.bootstrap_samples,
        "seed": config.seed,
        "rmse_trigger": config.rmse_trigger,
    }
    known = {*document, *WEIGHTS, "bootstrap_samples", "cooldown_seconds"}  # the last is the sensor's: no report's
    return document | {name: getattr(config, name) for name in type(config).model_fields if name not in known}


@dataclass(frozen=True)
class PartEvidence:
    """What a policy needs to know of data drift or of prediction drift (`model_drift`).

    `users`: of the smaller side; `windows`: of how many windows that are judged this is one.
    """

    score: float
    p_value: float
    users: int
    windows: int = 1


@dataclass(frozen=True)
class Verdict:
    """Whether to retrain, why (the deciding reason first), and the drift score that was judged."""

    retrain: bool
    reasons: tuple[str, ...]
    score: float = 0.0


def should_retrain(
    data_drift_result: Mapping[str, Any], model_drift_result: Mapping[str, Any], config: DriftSettings | None = None
) -> dict[str, Any]:
    """The documented decision, from the `data_drift` and `model_drift` sections of a report, for who has these alone.

    Returns `should_retrain` and `drift_score`. A section whose `score` is None (too little to judge) does not count.
    """
    config = config or DriftSettings()
    score = combined([part["score"] for part in (data_drift_result, model_drift_result)], config)
    return {"should_retrain": score > config.threshold, "drift_score": score}


def combined(scores: Sequence[float | None], config: DriftSettings) -> float:
    """The drift score of data and prediction drift; 0 where neither could be judged."""
    known = [score for score in scores if score is not None]
    if not known:
        return 0.0
    return max(known) if config.combine == "max" else sum(known) / len(known)


def calibrated_score(data_drift: Mapping[str, Any], model_drift: Mapping[str, Any], config: DriftSettings) -> float:
    """The drift score of two sections of a report for the calibrated policy: what has too few users does not count."""
    parts = [part for part in (data_drift, model_drift) if part["score"] is not None]
    return combined([part["score"] for part in parts if min(part["users"].values()) >= config.min_users], config)


def documented(
    data: PartEvidence | None, model: PartEvidence | None, fired: Sequence[str], config: DriftSettings
) -> Verdict:
    """Retrain when the drift score exceeds the threshold, or a signal's trigger fired.

    `fired`: the reasons of those that did.
    """
    judged = [part for part in (data, model) if part]
    score = combined([part.score for part in judged], config)
    if not judged:
        reason = Reason.INSUFFICIENT_DATA
    elif score > config.threshold:
        reason = Reason.DRIFT_ABOVE_THRESHOLD
    else:
        reason = Reason.BELOW_THRESHOLD
    return _verdict((reason, *_left_out(model)), score, fired)


def calibrated(
    data: PartEvidence | None, model: PartEvidence | None, fired: Sequence[str], config: DriftSettings
) -> Verdict:
    """Retrain when the drift score exceeds the threshold, is no work of chance, and rests on enough users.

    Or when a trigger fired, as under the documented policy. Of chance: the p-value of the larger of data and prediction
    drift, times the number of windows judged (Bonferroni). Of the two, what has too few users does not count; when
    that leaves none, the data are insufficient and batches pool until they suffice.
    """
    known = [part for part in (data, model) if part]
    judged = [part for part in known if part.users >= config.min_users]
    score = combined([part.score for part in judged], config)
    left_out = _left_out(model)
    if not judged:
        return _verdict((Reason.INSUFFICIENT_DATA, *left_out), score, fired)
    if score <= config.threshold:
        reason = Reason.BELOW_THRESHOLD
    elif (worst := max(judged, key=lambda part: part.score)).p_value * worst.windows > config.p_value:
        reason = Reason.NOT_SIGNIFICANT
    else:
        reason = Reason.DRIFT_ABOVE_THRESHOLD
    if len(judged) < len(known):
        left_out = (Reason.INSUFFICIENT_USERS, *left_out)
    return _verdict((reason, *left_out), score, fired)


def _left_out(model: PartEvidence | None) -> tuple[Reason, ...]:
    return () if model else (Reason.INSUFFICIENT_WARM_PAIRS,)


def _verdict(reasons: tuple[str, ...], score: float, fired: Sequence[str]) -> Verdict:
    """What the score says, unless a signal's own trigger says more."""
    drifted = reasons[0] == Reason.DRIFT_ABOVE_THRESHOLD
    told = (*reasons, *fired) if drifted else (*fired, *reasons)
    return Verdict(drifted or bool(fired), told, score)
