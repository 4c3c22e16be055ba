"""Which window decides: the policies over all windows that are judged, and over the pool alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np

from reco_assets.drift import policy
from reco_assets.drift.comparison import evidence_in, scores_of
from reco_assets.drift.policy import ADAPTIVE, CALIBRATED, DOCUMENTED, PartEvidence, Verdict
from reco_assets.drift.scan import Scan, Scored
from reco_assets.drift.signals import Measured, Trigger, Yardstick
from reco_assets.drift.windows import Window
from resources.settings.drift import DriftSettings

Finding = Mapping[str, Any]
JUDGES = {DOCUMENTED: policy.documented, CALIBRATED: policy.calibrated, ADAPTIVE: policy.calibrated}


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
    yardstick: Yardstick
    scored: Scored
    users: list[int]
    brief: bool = False
    _findings: dict[Window, Finding] = field(default_factory=dict)

    @classmethod
    def of(cls, scan: Scan, yardstick: Yardstick, *, brief: bool = False) -> "Evidence":
        """Score the windows."""
        scored = scan.score(yardstick)
        return cls(scan, yardstick, scored, [_users(scan.cells.train, each) for each in scored.window], brief)

    @property
    def config(self) -> DriftSettings:
        """The settings."""
        return self.yardstick.config

    @property
    def pool(self) -> Finding:
        """All that waits."""
        return self.finding(0)

    def finding(self, at: int) -> Finding:
        """What is found of a window by its number."""
        window = self.scored.window[at]
        if window not in self._findings:
            exceeds = np.fmax(self.scored.data, self.scored.model)[at] > self.config.threshold
            if self.brief and not exceeds:
                inside = self.scan.cells.between(window.start, window.end)
                self._findings[window] = scores_of(self.yardstick, inside, window)
            else:
                siblings = int(self.scored.siblings[at])
                self._findings[window] = self.scan.finding(window, siblings, self.yardstick)
        return self._findings[window]

    def measured(self, name: str, at: int) -> Measured | None:
        """What a signal measures in a window by its number, without the rest of the finding."""
        return self.scored.measured(at, name, self.scan.cells, self.yardstick)

    @property
    def judged(self) -> np.ndarray:
        """The numbers of the windows that policies look at: all that waits, and those of rows or score enough."""
        return self._and_pool(self.scored.judged(self.config))

    @property
    def of_enough_rows(self) -> np.ndarray:
        """The same without windows of few rows, whose score says nothing of what signals measure."""
        return self._and_pool(self.scored.enough)

    def _and_pool(self, chosen: np.ndarray) -> np.ndarray:
        return np.flatnonzero(chosen | (np.arange(len(chosen)) == 0))


def decide(evidence: Evidence) -> dict[str, Decided]:
    """What each policy says, by its name: over the windows, and the strongest of earlier ones."""
    fired = _fired(evidence, [_strongest(evidence, name, trigger) for name, trigger, _ in evidence.yardstick.watched])
    calibrated = _calibrated(evidence)
    found = {DOCUMENTED: _largest(evidence), CALIBRATED: calibrated, ADAPTIVE: calibrated}
    return {
        name: Decided(_judge(name, finding, fired[name], evidence.config), finding) for name, finding in found.items()
    }


def decide_pool(evidence: Evidence) -> dict[str, Verdict]:
    """What each policy would say of all that waits together, the only window before there were others."""
    fired = _fired(evidence, [evidence.measured(name, 0) for name, _, _ in evidence.yardstick.watched])
    return {name: _judge(name, evidence.pool, fired[name], evidence.config, windows=1) for name in JUDGES}


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
        if _judge(CALIBRATED, finding, (), config).retrain:
            return finding  # at the first: each further one would cost a bootstrap
        seen.append(finding)
    return max((*seen, evidence.pool), key=lambda finding: _calibrated_score(finding, config))


def _calibrated_score(finding: Finding, config: DriftSettings) -> float:
    return policy.calibrated_score(finding["data_drift"], finding["model_drift"], config)


def _fired(evidence: Evidence, measured: Sequence[Measured | None]) -> dict[str, list[str]]:
    """By policy, the reasons of the triggers that fire on what each of those that are watched measured."""
    watched = zip(evidence.yardstick.watched, measured, strict=True)
    fired = [trigger for (_, trigger, limit), found in watched if trigger.fires(found, limit)]
    return {name: [each.reason for each in fired if each.counts_under(name, evidence.config)] for name in JUDGES}


def _strongest(evidence: Evidence, name: str, trigger: Trigger) -> Measured | None:
    """What a signal measured where it is the strongest, in a window now or of earlier batches: judged for the worst."""
    strengths = evidence.scored.strengths.get(name)
    if strengths is None:
        return evidence.measured(name, 0)
    worst = max(evidence.of_enough_rows, key=lambda at: np.nan_to_num(strengths[at], nan=-np.inf))
    measured: Measured | None = evidence.measured(name, worst)
    earlier: Measured | None = evidence.scan.strongest.get(name)
    if earlier and (not measured or trigger.strength(earlier) > trigger.strength(measured)):
        return earlier
    return measured


def _judge(
    name: str, finding: Finding, fired: Sequence[str], config: DriftSettings, windows: int | None = None
) -> Verdict:
    data, model = (_of_windows(evidence_in(finding[part]), windows) for part in ("data_drift", "model_drift"))
    return JUDGES[name](data, model, fired, config)


def _of_windows(part: PartEvidence | None, windows: int | None) -> PartEvidence | None:
    return replace(part, windows=windows) if part and windows else part


def _users(train: np.ndarray, window: Window) -> int:
    """Different users from the window's start on."""
    return len(np.unique(train[np.searchsorted(train.T[0], window.start) :, 1]))
