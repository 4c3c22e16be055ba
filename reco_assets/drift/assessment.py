"""From the histograms of both sides to a drift report: what was compared, how it scored, what either policy says.

A report is a function of its inputs and settings: no clock, no path, numbers rounded to what every machine agrees on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from reco_assets.drift import document, histograms, policy, scores, signals
from reco_assets.drift.bootstrap import Uncertainty, uncertainty
from reco_assets.drift.histograms import PREDICTIONS, UserHistogram
from reco_assets.drift.policy import DriftConfig, Evidence, Reason, Verdict
from reco_assets.drift.scores import Scale
from reco_assets.drift.signals import ErrorShift, Mix, Occurrences
from reco_assets.models.ratings import Ratings
from reco_assets.models.recommender import Recommender

DIGITS = 10


@dataclass(frozen=True)
class ScoredRatings:
    """n test ratings beside the champion's predictions, all (n,): ids, stars, stars, and whether the pair is warm."""

    user_id: np.ndarray
    rating: np.ndarray
    predicted: np.ndarray
    warm: np.ndarray

    @classmethod
    def of(cls, model: Recommender, ratings: Ratings) -> "ScoredRatings":
        """Let a model predict the ratings."""
        pairs = ratings.user_id, ratings.movie_id
        return cls(ratings.user_id, ratings.rating, model.predict(*pairs), model.knows(*pairs))

    def predictions(self) -> UserHistogram:
        """Predictions of the warm pairs."""
        return histograms.of_values(PREDICTIONS, self.user_id[self.warm], self.predicted[self.warm])

    def squared_errors(self) -> tuple[np.ndarray, np.ndarray]:
        """user_id and squared error (stars²) of the m warm pairs, ordered so that their sums do not depend on it."""
        users = self.user_id[self.warm]
        squared = (self.rating[self.warm].astype(np.float64) - self.predicted[self.warm]) ** 2
        order = np.lexsort((squared, users))
        return users[order], squared[order]


@dataclass(frozen=True)
class DriftInputs:
    """What is compared: the champion's training and test ratings with the waiting batches'.

    `batches` in the order in which they landed; `delta_versions`: of every table that was read; movies: how often
    each is rated in the training ratings, old and new.
    """

    batches: tuple[str, ...]
    model_version: str | None
    delta_versions: Mapping[str, int | None]
    reference_train: UserHistogram
    current_train: UserHistogram
    reference_test: ScoredRatings
    current_test: ScoredRatings
    reference_movies: Occurrences
    current_movies: Occurrences


@dataclass(frozen=True)
class Comparison:
    """One score with its uncertainty; `status` is "ok", or the reason why `score` and `uncertainty` are None."""

    scale: Scale
    reference: UserHistogram
    current: UserHistogram
    status: str
    score: scores.Score | None = None
    uncertainty: Uncertainty | None = None

    @property
    def evidence(self) -> Evidence | None:
        """What the policies look at. A side of a single user proves nothing: its p-value is 1."""
        if self.score is None:
            return None
        p_value = self.uncertainty.p_value if self.uncertainty else 1.0
        return Evidence(float(self.score.score), p_value, min(self.reference.users, self.current.users))


@dataclass(frozen=True)
class DriftReport:
    """A finished report. `document` is all of it, as JSON: the documented keys first, then the details."""

    document: dict[str, Any]

    @property
    def report_id(self) -> str:
        """A hash of everything the report says, so of its inputs and settings too."""
        return str(self.document["report_id"])

    @property
    def should_retrain(self) -> bool:
        """The verdict of the configured policy."""
        return bool(self.document["should_retrain"])

    @property
    def reason(self) -> str:
        """Why, in one line."""
        return str(self.document["reason"])

    def markdown(self) -> str:
        """The verdict and its numbers."""
        return document.markdown(self.document)

    def scalars(self) -> dict[str, float]:
        """Every number under a stable name, so that it plots over time; unknown ones are left out."""
        return document.scalars(self.document)

    def plots(self) -> str:
        """Reference against current, as PNGs inside markdown."""
        return document.plots(self.document)

    def html(self) -> str:
        """The whole report as one page that needs no network."""
        return document.html(self.document)


def assess(inputs: DriftInputs, config: DriftConfig) -> DriftReport:
    """Score data drift and model drift of the waiting batches and decide under both policies."""
    data = compare(inputs.reference_train, inputs.current_train, scores.rating_scale(), config)
    model = compare_predictions(inputs.reference_test.predictions(), inputs.current_test.predictions(), config)
    error = None
    if model.score is not None:
        sides = inputs.reference_test.squared_errors(), inputs.current_test.squared_errors()
        error = signals.error_shift(*sides, config.resampling)
    users = (Occurrences(side.user_id, side.rows_per_user) for side in (inputs.reference_train, inputs.current_train))
    found: dict[str, Any] = {
        "data_drift": _section(data),
        "model_drift": _section(model),
        "rmse": asdict(error) if error else None,
        "users": _optional(signals.mix(*users)),
        "movies": _optional(signals.mix(inputs.reference_movies, inputs.current_movies)),
    }
    verdicts = verdicts_of(data.evidence, model.evidence, error, config)
    score = policy.combined([part["score"] for part in (found["data_drift"], found["model_drift"])], config)
    compared = _compared(inputs.batches, inputs.model_version, inputs.delta_versions)
    return _report(found | compared, verdicts, score, config)


def no_report(
    reason: Reason, config: DriftConfig, batches: tuple[str, ...] = (), model_version: str | None = None
) -> DriftReport:
    """The report where nothing can be compared: NO_BATCHES or NO_CHAMPION."""
    nothing = {"status": str(reason), "score": None}
    found = {"data_drift": nothing, "model_drift": nothing, "rmse": None, "users": None, "movies": None}
    verdict = Verdict(False, (reason,))
    verdicts = {"documented": verdict, "calibrated": verdict}
    return _report(found | _compared(batches, model_version, {}), verdicts, 0.0, config)


def compare(reference: UserHistogram, current: UserHistogram, scale: Scale, config: DriftConfig) -> Comparison:
    """Score current against reference and say what chance would do; "insufficient_data" where a side is empty."""
    if min(reference.rows, current.rows) == 0:
        return Comparison(scale, reference, current, str(Reason.INSUFFICIENT_DATA))
    return Comparison(
        scale,
        reference,
        current,
        "ok",
        scores.score(reference.total, current.total, scale, config.weights),
        uncertainty(reference, current, scale, config.weights, config.resampling),
    )


def compare_predictions(reference: UserHistogram, current: UserHistogram, config: DriftConfig) -> Comparison:
    """Model drift of warm pairs; "insufficient" where the new test has fewer than `min_warm_pairs`."""
    scale = scores.prediction_scale(reference.total)
    if current.rows < config.min_warm_pairs or reference.rows == 0:
        return Comparison(scale, reference, current, "insufficient")
    return compare(reference, current, scale, config)


def verdicts_of(
    data: Evidence | None, model: Evidence | None, error: ErrorShift | None, config: DriftConfig
) -> dict[str, Verdict]:
    """What each policy says, by its name."""
    judges = {"documented": policy.documented, "calibrated": policy.calibrated}
    return {name: judge(data, model, error, config) for name, judge in judges.items()}


def _compared(
    batches: tuple[str, ...], model_version: str | None, delta_versions: Mapping[str, int | None]
) -> dict[str, Any]:
    return {
        "batches": batches,
        "model_version": model_version,
        "delta_versions": dict(sorted(delta_versions.items())),
    }


def _report(found: dict[str, Any], verdicts: dict[str, Verdict], score: float, config: DriftConfig) -> DriftReport:
    verdict = verdicts[config.policy]
    content = _plain(
        {
            "should_retrain": verdict.retrain,
            "drift_score": score,
            **found,
            "policy": config.policy,
            "reason": document.explain(config, verdict),
            "reason_codes": verdict.reasons,
            "verdicts": {
                name: {"should_retrain": v.retrain, "drift_score": v.score, "reason_codes": v.reasons}
                for name, v in verdicts.items()
            },
            "config": config.as_dict(),
        }
    )
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return DriftReport({**content, "report_id": digest[:32]})


def _section(found: Comparison) -> dict[str, Any]:
    sides = {"reference": found.reference, "current": found.current}
    section: dict[str, Any] = {
        "status": found.status,
        "score": None,
        "rows": {name: side.rows for name, side in sides.items()},
        "users": {name: side.users for name, side in sides.items()},
    }
    if found.score is None:
        return section
    section |= {
        "score": found.score.score,
        "kl": found.score.kl,
        "mean_shift": found.score.mean_shift,
        "median_shift": found.score.median_shift,
    }
    if chance := found.uncertainty:
        section |= {
            "kl_corrected": max(found.score.kl - chance.kl_noise, 0.0),
            "p_value": chance.p_value,
            "score_interval": chance.score_interval,
            "mean_shift_interval": chance.mean_shift_interval,
            "smallest_detectable_shift": chance.smallest_detectable_shift,
        }
    shares = {name: found.scale.binned(side.total) / side.rows for name, side in sides.items()}
    return section | {"distribution": {"from_stars": found.scale.labels, **shares}}


def _optional(found: Mix | None) -> dict[str, Any] | None:
    return asdict(found) if found else None


def _plain(value: Any) -> Any:
    """What JSON knows, floats to ten digits: sums over cores and processors agree that far."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(entry) for entry in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}")
    return str(value) if isinstance(value, Reason) else value
