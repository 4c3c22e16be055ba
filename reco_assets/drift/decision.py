"""Which window decides: the policies over all windows that are judged, and over the pool alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np

from reco_assets.drift import policy
from reco_assets.drift.cells import Cells
from reco_assets.drift.comparison import evidence_in, scores_of
from reco_assets.drift.policy import CALIBRATED, DOCUMENTED, PartEvidence, Verdict
from reco_assets.drift.scan import RMSE, Scan, Scored
from reco_assets.drift.signals import ErrorShift
from reco_assets.drift.windows import Window
from resources.settings.drift import DriftSettings

Finding = Mapping[str, Any]
JUDGES = {DOCUMENTED: policy.documented, CALIBRATED: policy.calibrated}


@dataclass(frozen=True)
class Decided:
    """A policy's verdict, and the window that it rests on."""

    verdict: Verdict
    finding: Finding


@dataclass
class Evidence:
    """The windows over what waits, the largest first, and what is found of each when it is asked for.

    `users`: of the training side of each window; `brief`: leave out what chance does where no verdict needs it.
    """

    scan: Scan
    reference: Cells
    config: DriftSettings
    scored: Scored
    users: list[int]
    brief: bool = False
    _findings: dict[Window, Finding] = field(default_factory=dict)

    @classmethod
    def of(cls, scan: Scan, reference: Cells, config: DriftSettings, *, brief: bool = False) -> "Evidence":
        """Score the windows."""
        scored = scan.score(reference, config)
        return cls(scan, reference, config, scored, [_users(scan.cells.train, each) for each in scored.window], brief)

    @property
    def pool(self) -> Finding:
        """All that waits."""
        return self.finding(0)

    def finding(self, at: int) -> Finding:
        """What is found of a window by its number."""
        window = self.scored.window[at]
        if window not in self._findings:
            exceeds = np.fmax(self.scored.data, self.scored.model)[at] > self.config.threshold
            if self.brief and not exceeds and self.config.rmse_trigger is None:
                inside = self.scan.cells.between(window.start, window.end)
                self._findings[window] = scores_of(self.reference, inside, window, self.config)
            else:
                siblings = int(self.scored.siblings[at])
                self._findings[window] = self.scan.finding(window, siblings, self.reference, self.config)
        return self._findings[window]

    @property
    def judged(self) -> np.ndarray:
        """The numbers of the windows that policies look at: all that waits, and those of rows or score enough."""
        return self._and_pool(self.scored.judged(self.config))

    @property
    def of_enough_rows(self) -> np.ndarray:
        """The same without windows of few rows, whose score says nothing of the champion's error."""
        return self._and_pool(self.scored.enough)

    def _and_pool(self, chosen: np.ndarray) -> np.ndarray:
        return np.flatnonzero(chosen | (np.arange(len(chosen)) == 0))


def decide(evidence: Evidence) -> dict[str, Decided]:
    """What each policy says, by its name: over the windows, and the strongest of earlier ones."""
    error = _error(evidence)
    found = {DOCUMENTED: _largest(evidence), CALIBRATED: _calibrated(evidence)}
    return {name: Decided(_judge(name, finding, error, evidence.config), finding) for name, finding in found.items()}


def decide_pool(evidence: Evidence) -> dict[str, Verdict]:
    """What each policy would say of all that waits together, the only window before there were others."""
    error = _shift(evidence.pool)
    return {name: _judge(name, evidence.pool, error, evidence.config, windows=1) for name in JUDGES}


def _largest(evidence: Evidence) -> Finding:
    """The window of the largest score; of the same score the largest window."""
    drift_scores = evidence.scored.drift_scores(evidence.config)
    best = max(evidence.judged, key=lambda at: drift_scores[at])
    earlier = evidence.scan.strongest.get(DOCUMENTED)
    return earlier if earlier and earlier["drift_score"] > drift_scores[best] else evidence.finding(best)


def _calibrated(evidence: Evidence) -> Finding:
    """A window whose score is no work of chance; without one, that of the largest score among enough users."""
    config = evidence.config
    larger = np.fmax(evidence.scored.data, evidence.scored.model)
    order = sorted(evidence.judged, key=lambda at: -np.nan_to_num(larger[at]))
    exceeding = [at for at in order if larger[at] > config.threshold]
    earlier = evidence.scan.strongest.get(CALIBRATED)
    seen: list[Finding] = []
    for finding in chain([earlier] if earlier else [], (evidence.finding(at) for at in exceeding)):
        if _judge(CALIBRATED, finding, None, config).retrain:
            return finding  # at the first: each further one would cost a bootstrap
        seen.append(finding)
    return max((*seen, evidence.pool), key=lambda finding: _calibrated_score(finding, config))


def _calibrated_score(finding: Finding, config: DriftSettings) -> float:
    return policy.calibrated_score(finding["data_drift"], finding["model_drift"], config)


def _error(evidence: Evidence) -> ErrorShift | None:
    """Where a trigger is set, the largest shift of the RMSE over windows; it is judged for the worst of them."""
    if evidence.config.rmse_trigger is None:
        return None
    shifts = evidence.scored.rmse_shift
    worst = max(evidence.of_enough_rows, key=lambda at: np.nan_to_num(shifts[at], nan=-np.inf))
    earlier = evidence.scan.strongest.get(RMSE)
    found = _shift(evidence.finding(worst))
    if earlier and (found is None or earlier["rmse"]["shift"] > found.shift):
        return _shift(earlier)
    return found


def _shift(finding: Finding) -> ErrorShift | None:
    found = finding["rmse"]
    return ErrorShift(**found | {"interval": tuple(found["interval"])}) if found else None


def _judge(
    name: str, finding: Finding, error: ErrorShift | None, config: DriftSettings, windows: int | None = None
) -> Verdict:
    data, model = (_of_windows(evidence_in(finding[part]), windows) for part in ("data_drift", "model_drift"))
    return JUDGES[name](data, model, error, config)


def _of_windows(part: PartEvidence | None, windows: int | None) -> PartEvidence | None:
    return replace(part, windows=windows) if part and windows else part


def _users(train: np.ndarray, window: Window) -> int:
    """Different users from the window's start on."""
    return len(np.unique(train[np.searchsorted(train.T[0], window.start) :, 1]))
