"""Score every window over waiting batches as the batches arrive, and keep the strongest that exceeded its threshold.

A scan takes batches in any portions and comes to the same result, so what it knows may be kept between reports: a
report then costs what the new batches cost. A shifted batch that quiet ones follow is not forgotten: of all windows
so far that were judged and exceeded the threshold, the largest score is kept; for the calibrated policy, the
largest that is no chance, if one is. Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from reco_assets.drift import scores
from reco_assets.drift.cells import Cells, no_cells
from reco_assets.drift.comparison import evidence_in, finding, plain
from reco_assets.drift.histograms import PREDICTIONS, RATINGS, UserHistogram
from reco_assets.drift.policy import CALIBRATED, DOCUMENTED, calibrated, calibrated_score, combined, least_weight
from reco_assets.drift.signals import Measured, Yardstick
from reco_assets.drift.spans import Spans
from reco_assets.drift.windows import Starts, Window
from resources.settings.drift import DriftSettings

AT_ONCE = 4_096  # windows scored in one call: 15 MB of histograms of predictions


@dataclass(frozen=True)
class Arrival:
    """A batch that waits: its name, the id of the intake that took it in, and its rows on either side."""

    batch: str
    intake: str
    train: int
    test: int


@dataclass(frozen=True)
class Scored:
    """n windows and their scores, (n,) each; NaN where a part can't be scored.

    `rows`, `warm`: training rows and warm test pairs; `enough`: whether the window holds enough rows to be judged
    beside the pool; `siblings`: how many windows with the same end are judged, the pool among them; for a window of
    fewer rows: how many might have been; `strengths`: of each signal that is watched in windows, by its name.
    """

    window: tuple[Window, ...]
    rows: np.ndarray
    warm: np.ndarray
    data: np.ndarray
    model: np.ndarray
    enough: np.ndarray
    siblings: np.ndarray
    strengths: Mapping[str, np.ndarray]

    def drift_scores(self, config: DriftSettings) -> np.ndarray:
        """Data and prediction drift of each window in one number, (n,), rounded as in findings; 0 without either."""
        parts = zip(self.data, self.model, strict=True)
        pairs = ([None if np.isnan(part) else float(part) for part in pair] for pair in parts)
        return np.array(plain([combined(pair, config) for pair in pairs]))

    def measured(self, at: int, name: str, cells: Cells, yardstick: Yardstick) -> Measured | None:
        """What a signal measures in a window by its number, without the rest of a finding."""
        window = self.window[at]
        inside = cells.between(window.start, window.end)
        found: Measured | None = plain(yardstick.signal(name).measure(yardstick, inside, int(self.siblings[at])))
        return found

    def judged(self, config: DriftSettings) -> np.ndarray:
        """Which windows are judged beside the pool, (n,): of enough rows, or of a score that few rows don't explain."""
        judged: np.ndarray = self.enough | (self.drift_scores(config) * self.rows > least_weight(config))
        return judged


@dataclass(frozen=True)
class Scan:
    """The batches so far: where windows start, what lies between, and what the strongest windows were found to be.

    `strongest`: by policy, the finding of the largest score above the threshold; by signal with a trigger, what it
    measured where its strength was the largest above its limit.
    """

    starts: Starts = field(default_factory=Starts)
    cells: Cells = field(default_factory=no_cells)
    strongest: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def take(self, arrivals: Sequence[Arrival], cells: Cells, yardstick: Yardstick) -> "Scan":
        """Let batches arrive; `cells` are theirs, at positions that go on where this scan ends."""
        starts, windows = self.starts, list[Window]()
        for arrival in arrivals:
            starts = starts.arrive(arrival.intake, arrival.train)
            windows += starts.windows
        known = self.cells.then(cells)
        positions = np.array([*self.starts.at, *range(self.starts.end, starts.end + 1)], np.int64)
        scored = score_windows(Spans(windows, positions, known), yardstick)
        strongest = {**self.strongest, **dict(_stronger(self.strongest, scored, known, yardstick))}
        return Scan(starts, known.compacted(np.array(starts.at, np.int64)), strongest)

    def score(self, yardstick: Yardstick) -> Scored:
        """The windows that end with the newest batch, the largest first."""
        positions = np.array([*self.starts.at, self.starts.end], np.int64)
        return score_windows(Spans(self.starts.windows, positions, self.cells), yardstick)

    def finding(self, window: Window, siblings: int, yardstick: Yardstick) -> Mapping[str, Any]:
        """All that a report says of a window that ends with the newest batch."""
        known = self.strongest.get(DOCUMENTED)
        if known and (known["start"], known["end"]) == (window.start, window.end):
            return known
        return finding(yardstick, self.cells.between(window.start, window.end), window, siblings)


def score_windows(spans: Spans, yardstick: Yardstick) -> Scored:
    """Score windows, by the drift score and by every signal that may call for a retraining."""
    reference, config = yardstick.reference, yardstick.config
    rating = spans.totals(spans.cells.train, RATINGS.size)
    predicted = spans.totals(spans.cells.warm, PREDICTIONS.size)
    sizes = (totals.sum(axis=1, keepdims=True) for totals in (rating, predicted))
    rows, warm = (spans.inside(size)[:, 0] for size in sizes)
    judgeable = (warm >= config.min_warm_pairs) & (len(reference.warm) > 0)
    prediction_scale = scores.prediction_scale(reference.predictions.total)
    old = reference.ratings.total, reference.predictions.total
    scoreable = (rows > 0) & (len(reference.train) > 0)
    data = _scored(spans, rating, scoreable, lambda new: scores.score(old[0], new, scores.rating_scale(), config))
    model = _scored(spans, predicted, judgeable, lambda new: scores.score(old[1], new, prediction_scale, config))
    enough = rows >= config.min_window_rows
    judged = enough | (spans.at[:, 0] == 0)  # whatever the score: chance is not to choose how many share its limit
    _, of = np.unique(spans.at[:, 1], return_inverse=True)
    siblings = np.where(judged, np.bincount(of, judged)[of], np.bincount(of, rows > 0)[of]).astype(np.int64)
    strengths = {name: each.strengths(yardstick, spans) for name, each, _ in yardstick.watched if each.strengths}
    return Scored(tuple(spans.windows), rows, warm, data, model, enough, siblings, strengths)


def _scored(
    spans: Spans, totals: np.ndarray, wanted: np.ndarray, judge: Callable[[np.ndarray], scores.Score]
) -> np.ndarray:
    """Scores of the wanted windows (n,), NaN for the others."""
    found, chosen = np.full(len(spans.windows), np.nan), np.flatnonzero(wanted)
    for first in range(0, len(chosen), AT_ONCE):
        at = chosen[first : first + AT_ONCE]
        found[at] = judge(spans.inside(totals, at)).score
    return found


def _stronger(
    known: Mapping[str, Mapping[str, Any]], scored: Scored, cells: Cells, yardstick: Yardstick
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """By policy and signal, the finding of a window that exceeds the limit and what was the strongest before."""
    config = yardstick.config

    @cache
    def found(at: int) -> dict[str, Any]:
        window = scored.window[at]
        inside = cells.between(window.start, window.end)
        return finding(yardstick, inside, window, int(scored.siblings[at]))

    largest = _largest(scored.drift_scores(config), scored.judged(config), _least(known, DOCUMENTED, config))
    if largest is not None:
        yield DOCUMENTED, found(largest)
    exceeding = _calibrated_scores(scored, cells, yardstick.reference, config)
    if surest := _surest(known.get(CALIBRATED), exceeding, found, config):
        yield CALIBRATED, surest
    for name, trigger, limit in yardstick.watched:
        if name not in scored.strengths:
            continue
        least = trigger.strength(known[name]) if name in known else limit
        strongest = _largest(np.array(plain(scored.strengths[name])), scored.enough, least)
        if strongest is not None and (measured := scored.measured(strongest, name, cells, yardstick)):
            yield name, measured


def _least(known: Mapping[str, Mapping[str, Any]], policy: str, config: DriftSettings) -> float:
    return float(known[policy]["drift_score"]) if policy in known else config.threshold


def _largest(values: np.ndarray, among: np.ndarray, above: float) -> int | None:
    """Where the largest of the values above a limit is; None where there is none."""
    worth = np.where(among & (values > above), values, -np.inf)
    return int(worth.argmax()) if len(worth) and np.isfinite(worth.max()) else None


def _calibrated_scores(scored: Scored, cells: Cells, reference: Cells, config: DriftSettings) -> dict[int, float]:
    """By number, the judged windows whose score exceeds the threshold though few users do not count."""
    exceeding: dict[int, float] = {}
    for at in np.flatnonzero(scored.judged(config) & (np.fmax(scored.data, scored.model) > config.threshold)):
        inside = cells.between(scored.window[at].start, scored.window[at].end)
        score = calibrated_score(
            _part(scored.data[at], reference.ratings, inside.ratings),
            _part(scored.model[at], reference.predictions, inside.predictions),
            config,
        )
        if score > config.threshold:
            exceeding[int(at)] = score
    return exceeding


def _surest(
    known: Mapping[str, Any] | None,
    exceeding: Mapping[int, float],
    found: Callable[[int], dict[str, Any]],
    config: DriftSettings,
) -> Mapping[str, Any] | None:
    """What the calibrated policy keeps instead of `known`: a shift that is no chance goes before any that may be.

    Among those that are none, and among those that may be, the largest score goes first.
    """
    sure = known is not None and _no_chance(known, config)
    least = calibrated_score(known["data_drift"], known["model_drift"], config) if known else config.threshold
    largest = None
    for at in sorted(exceeding, key=lambda at: -exceeding[at]):
        larger = exceeding[at] > least
        if sure and not larger:
            break
        if _no_chance(found(at), config):
            return found(at)
        if largest is None and larger and not sure:
            largest = found(at)
    return largest


def _no_chance(of: Mapping[str, Any], config: DriftSettings) -> bool:
    return calibrated(evidence_in(of["data_drift"]), evidence_in(of["model_drift"]), (), config).retrain


def _part(score: float, reference: UserHistogram, current: UserHistogram) -> dict[str, Any]:
    users = {"reference": reference.users, "current": current.users}
    return {"score": None if np.isnan(score) else plain(score), "users": users}
