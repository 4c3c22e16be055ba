"""Score every window over waiting batches as the batches arrive, and keep the strongest that exceeded its threshold.

A scan takes batches in any portions and comes to the same result, so what it knows may be kept between reports: a
report then costs what the new batches cost. A shifted batch that quiet ones follow is not forgotten: of all windows
so far that were judged and exceeded the threshold, the largest score is kept; for the calibrated policy, the
largest that is no chance, if one is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import numpy as np

from reco_assets.drift import scores
from reco_assets.drift.cells import UNITS, Cells, by_position, no_cells
from reco_assets.drift.comparison import evidence_in, finding, plain
from reco_assets.drift.histograms import PREDICTIONS, RATINGS, UserHistogram
from reco_assets.drift.policy import CALIBRATED, DOCUMENTED, calibrated, calibrated_score, combined, least_weight
from reco_assets.drift.windows import Starts, Window
from resources.settings.drift import DriftSettings

AT_ONCE = 4_096  # windows scored in one call: 15 MB of histograms of predictions
RMSE = "rmse"


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
    fewer rows: how many might have been.
    """

    window: tuple[Window, ...]
    rows: np.ndarray
    warm: np.ndarray
    data: np.ndarray
    model: np.ndarray
    rmse_shift: np.ndarray
    enough: np.ndarray
    siblings: np.ndarray

    def newest(self, count: int) -> "Scored":
        """The last windows."""
        at = len(self.window) - count
        return Scored(*(getattr(self, each.name)[at:] for each in fields(self)))

    def drift_scores(self, config: DriftSettings) -> np.ndarray:
        """Data and model drift of each window in one number, (n,), as findings round it; 0 where neither has one."""
        parts = zip(self.data, self.model, strict=True)
        pairs = ([None if np.isnan(part) else float(part) for part in pair] for pair in parts)
        return np.array(plain([combined(pair, config) for pair in pairs]))

    def judged(self, config: DriftSettings) -> np.ndarray:
        """Which windows are judged beside the pool, (n,): of enough rows, or of a score that few rows don't explain."""
        judged: np.ndarray = self.enough | (self.drift_scores(config) * self.rows > least_weight(config))
        return judged


@dataclass(frozen=True)
class Scan:
    """The batches so far: where windows start, what lies between, and what the strongest windows were found to be.

    `strongest`: by policy and for the RMSE trigger, the finding of the largest score above its threshold.
    """

    starts: Starts = field(default_factory=Starts)
    cells: Cells = field(default_factory=no_cells)
    strongest: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, arrivals: Sequence[Arrival], cells: Cells, reference: Cells, config: DriftSettings) -> "Scan":
        """Let batches arrive; `cells` are theirs, at positions that go on where this scan ends."""
        starts, windows = self.starts, list[Window]()
        for arrival in arrivals:
            starts = starts.arrive(arrival.intake, arrival.train)
            windows += starts.windows
        known = self.cells.then(cells)
        positions = np.array([*self.starts.at, *range(self.starts.end, starts.end + 1)], np.int64)
        scored = score_windows(windows, positions, known, reference, config)
        strongest = {**self.strongest, **dict(_stronger(self.strongest, scored, known, reference, config))}
        return Scan(starts, known.compacted(np.array(starts.at, np.int64)), strongest)

    def score(self, reference: Cells, config: DriftSettings) -> Scored:
        """The windows that end with the newest batch, the largest first."""
        positions = np.array([*self.starts.at, self.starts.end], np.int64)
        return score_windows(self.starts.windows, positions, self.cells, reference, config)

    def finding(
        self, window: Window, siblings: int, reference: Cells, config: DriftSettings, kind: str = DOCUMENTED
    ) -> dict[str, Any]:
        """All that a report says of a window that ends with the newest batch."""
        known = self.strongest.get(kind)
        if known and (known["start"], known["end"]) == (window.start, window.end):
            return known
        return finding(reference, self.cells.between(window.start, window.end), window, config, siblings)


def score_windows(
    windows: Sequence[Window], positions: np.ndarray, cells: Cells, reference: Cells, config: DriftSettings
) -> Scored:
    """Score windows whose starts and ends are among the positions (sorted; the last one is the end of all)."""
    spans = np.searchsorted(positions, [(window.start, window.end) for window in windows]).reshape(-1, 2)
    rating = _totals(cells.train, positions, RATINGS.size)
    predicted = _totals(cells.warm, positions, PREDICTIONS.size)
    squared = _totals(cells.warm[:, [0, 1, 2, 4]] * [1, 1, 0, 1], positions, 1)
    sizes = (totals.sum(axis=1, keepdims=True) for totals in (rating, predicted, squared))
    rows, warm, errors = (_inside(size, spans)[:, 0] for size in sizes)
    judgeable = (warm >= config.min_warm_pairs) & (len(reference.warm) > 0)
    prediction_scale = scores.prediction_scale(reference.predictions.total)
    old = reference.ratings.total, reference.predictions.total
    scoreable = (rows > 0) & (len(reference.train) > 0)
    data = _scored(rating, spans, scoreable, lambda new: scores.score(old[0], new, scores.rating_scale(), config))
    model = _scored(predicted, spans, judgeable, lambda new: scores.score(old[1], new, prediction_scale, config))
    before = reference.warm[:, 4].sum() / max(reference.warm[:, 3].sum(), 1) / UNITS
    shift = np.where(judgeable, np.sqrt(errors / np.maximum(warm, 1) / UNITS) - np.sqrt(before), np.nan)
    enough = rows >= config.min_window_rows
    judged = enough | (spans[:, 0] == 0)  # whatever the score: chance is not to choose how many share its limit
    _, of = np.unique(spans[:, 1], return_inverse=True)
    siblings = np.where(judged, np.bincount(of, judged)[of], np.bincount(of, rows > 0)[of]).astype(np.int64)
    return Scored(tuple(windows), rows, warm, data, model, shift, enough, siblings)


def _totals(cells: np.ndarray, positions: np.ndarray, size: int) -> np.ndarray:
    """Rows per value that lie before each position, and before the end of all: (positions + 1, size)."""
    counts = by_position(cells, positions, size)
    return np.concatenate([np.zeros((1, size), np.int64), np.cumsum(counts, axis=0)])


def _inside(totals: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Rows per value inside of n windows, spans (n, 2): (n, size)."""
    found: np.ndarray = totals[spans[:, 1]] - totals[spans[:, 0]]
    return found


def _scored(
    totals: np.ndarray, spans: np.ndarray, wanted: np.ndarray, judge: Callable[[np.ndarray], scores.Score]
) -> np.ndarray:
    """Scores of the wanted windows (n,), NaN for the others."""
    found, chosen = np.full(len(spans), np.nan), np.flatnonzero(wanted)
    for first in range(0, len(chosen), AT_ONCE):
        at = chosen[first : first + AT_ONCE]
        found[at] = judge(_inside(totals, spans[at])).score
    return found


def _stronger(
    known: Mapping[str, dict[str, Any]], scored: Scored, cells: Cells, reference: Cells, config: DriftSettings
) -> Iterator[tuple[str, dict[str, Any]]]:
    """By policy, the finding of a window that exceeds the threshold and what was the strongest before."""

    @cache
    def found(at: int) -> dict[str, Any]:
        window = scored.window[at]
        inside = cells.between(window.start, window.end)
        return finding(reference, inside, window, config, int(scored.siblings[at]))

    largest = _largest(scored.drift_scores(config), scored.judged(config), _least(known, DOCUMENTED, config))
    if largest is not None:
        yield DOCUMENTED, found(largest)
    exceeding = _calibrated_scores(scored, cells, reference, config)
    if surest := _surest(known.get(CALIBRATED), exceeding, found, config):
        yield CALIBRATED, surest
    if config.rmse_trigger is not None:
        least = known[RMSE]["rmse"]["shift"] if RMSE in known else config.rmse_trigger
        worst = _largest(np.array(plain(scored.rmse_shift)), scored.enough, least)
        if worst is not None and found(worst)["rmse"]:
            yield RMSE, found(worst)


def _least(known: Mapping[str, dict[str, Any]], policy: str, config: DriftSettings) -> float:
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
    known: dict[str, Any] | None,
    exceeding: Mapping[int, float],
    found: Callable[[int], dict[str, Any]],
    config: DriftSettings,
) -> dict[str, Any] | None:
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
    return calibrated(evidence_in(of["data_drift"]), evidence_in(of["model_drift"]), None, config).retrain


def _part(score: float, reference: UserHistogram, current: UserHistogram) -> dict[str, Any]:
    users = {"reference": reference.users, "current": current.users}
    return {"score": None if np.isnan(score) else plain(score), "users": users}
