"""From windows over what waits to a drift report: how each scored, which one decides, what either policy says. Pure.

A report is a function of its inputs and settings: no clock, no path, numbers rounded to what every machine agrees on.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from reco_assets.batches.accepted import set_name
from reco_assets.drift import document, page
from reco_assets.drift.comparison import plain
from reco_assets.drift.decision import JUDGES, Decided, Evidence, decide, decide_pool
from reco_assets.drift.performance import WORSE, figures, performance_drift
from reco_assets.drift.policy import Reason, Verdict, as_document, bar
from reco_assets.drift.scan import Scan
from reco_assets.drift.signals import SIGNALS, Signal, Yardstick
from resources.settings.drift import DriftSettings

NAMED_BATCHES = 20  # the newest ones; thousands may wait, and a hash names them all


@dataclass(frozen=True)
class Compared:
    """The names of what is compared: waiting batches in the order of arrival, the champion, versions of tables.

    `corrections`: how many of the batches' rows gave an earlier rating another value; `user_share`: the share of the
    champion's users that is looked at; `files`: the names that the batches came under, in the same order.
    """

    batches: Sequence[str] = ()
    model_version: str | None = None
    delta_versions: Mapping[str, int | None] | None = None
    corrections: int = 0
    user_share: float = 1.0
    files: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """As a report shows it: of the batches their number, the hash of their names, and the newest."""
        return {
            "batches": {
                "count": len(self.batches),
                "name": set_name(self.batches),
                "newest": list(self.batches[: -NAMED_BATCHES - 1 : -1]),
                **({"files": list(self.files[: -NAMED_BATCHES - 1 : -1])} if self.files else {}),
                "corrections": self.corrections,
            },
            "model_version": self.model_version,
            **({"reference_user_share": self.user_share} if self.user_share < 1 else {}),
            "delta_versions": dict(sorted((self.delta_versions or {}).items())),
        }


@dataclass(frozen=True)
class DriftReport:
    """A finished report. `document` is all of it, as JSON: the documented keys first, then the details."""

    document: dict[str, Any]
    signals: Sequence[Signal] = SIGNALS

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
        return page.markdown(self.document, self.signals)

    def scalars(self) -> dict[str, float]:
        """Every number under a stable name, so that it plots over time; unknown ones are left out."""
        return document.scalars(self.document, self.signals)

    def plots(self) -> str:
        """Reference against current, as PNGs inside markdown."""
        return page.plots(self.document)

    def html(self, made: datetime | None = None) -> str:
        """The whole report as one page that needs no network, and that says when it was made."""
        return page.html(self.document, self.signals, made)


def report_on(scan: Scan, compared: Compared, yardstick: Yardstick) -> DriftReport:
    """Decide under both policies on the windows over what waits, one batch at least."""
    evidence, config = Evidence.of(scan, yardstick), yardstick.config
    decided = decide(evidence)
    pool, own = decide_pool(evidence), decided[config.policy].finding
    found = {
        **{name: own[name] for name in ("data_drift", "model_drift")},
        "performance_drift": performance_drift(evidence, own),
        **{name: _measured(evidence, own, name) for name in _names(yardstick.signals)},
        "window": _window(scan, own),
        "windows": _windows(evidence, own),
        "pool": {
            **{name: evidence.pool[name] for name in ("drift_score", "data_drift", "model_drift")},
            "verdicts": {name: _verdict(verdict) for name, verdict in pool.items()},
        },
    }
    return _report(found | compared.as_dict(), decided, config, yardstick.signals, scan)


def no_report(reasons: Sequence[Reason], config: DriftSettings, compared: Compared | None = None) -> DriftReport:
    """The report where nothing can be compared: NO_BATCHES, NO_CHAMPION or both."""
    nothing = {"status": str(reasons[0]), "score": None}
    found: dict[str, Any] = {"data_drift": nothing, "model_drift": nothing}
    found["performance_drift"] = {"status": str(reasons[0])}
    found |= dict.fromkeys((*_names(SIGNALS), "window", "pool")) | {"windows": []}
    decided = dict.fromkeys(JUDGES, Decided(Verdict(False, tuple(reasons)), {}))
    return _report(found | (compared or Compared()).as_dict(), decided, config, SIGNALS)


def _measured(evidence: Evidence, own: Mapping[str, Any], name: str) -> Any:
    """What a signal says of the window that decides, or of all that waits if no other window can say more."""
    triggers = evidence.yardstick.signal(name).triggers
    return own[name] if triggers is None or triggers.strengths else evidence.measured(name, 0)


def _names(signals: Sequence[Signal]) -> list[str]:
    """Their names as a report has them: those first that may decide."""
    return [signal.name for signal in sorted(signals, key=lambda signal: signal.triggers is None)]


def _report(
    found: dict[str, Any],
    decided: Mapping[str, Decided],
    config: DriftSettings,
    signals: Sequence[Signal],
    scan: Scan | None = None,
) -> DriftReport:
    verdict = decided[config.policy].verdict
    reason = document.explain(config, verdict, signals)
    if len(found["windows"]) > 1:
        reason = f"{reason} ({document.in_words(found['window'])})"
    if found["performance_drift"]["status"] == WORSE:
        reason = f"{figures(found['performance_drift'])}; {reason}"
    content = plain(
        {
            "should_retrain": verdict.retrain,
            "drift_score": decided[config.policy].finding.get("drift_score", 0.0),
            **found,
            "policy": config.policy,
            "reason": reason,
            "reason_codes": verdict.reasons,
            "verdicts": {
                name: _verdict(each.verdict) | ({"window": scan.starts.name_of(each.finding)} if scan else {})
                for name, each in decided.items()
            },
            "config": as_document(config),
        }
    )
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return DriftReport({**content, "report_id": digest[:32]}, signals)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"should_retrain": verdict.retrain, "drift_score": verdict.score, "reason_codes": verdict.reasons}


def _window(scan: Scan, finding: Mapping[str, Any]) -> dict[str, Any]:
    """The window's name and its part of what waits: a retraining takes all of it."""
    rows, waiting = finding["data_drift"]["rows"]["current"], sum(scan.starts.rows)
    return {
        "name": scan.starts.name_of(finding),
        "batches": finding["end"] - finding["start"],
        "of_batches": scan.starts.end,
        "rows": rows,
        "of_rows": waiting,
        "share": rows / waiting if waiting else 0.0,
    }


def _windows(evidence: Evidence, own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line for each window, the newest first, and for the one that decides if it ended with an earlier batch."""
    scored, scan = evidence.scored, evidence.scan
    drift_scores, judged = scored.drift_scores(evidence.config), set(evidence.judged.tolist())
    lines = [
        {
            "name": scan.starts.name(window),
            "batches": window.batches,
            "rows": int(scored.rows[at]),
            "users": evidence.users[at],
            "warm_pairs": int(scored.warm[at]),
            "data_score": _known(scored.data[at]),
            "model_score": _known(scored.model[at]),
            "drift_score": drift_scores[at],
            "bar": bar(evidence.config, int(scored.rows[at])) if at else evidence.config.threshold,
            "judged": at in judged,
            "decides": (window.start, window.end) == (own["start"], own["end"]),
        }
        for at, window in enumerate(scored.window)
    ][::-1]
    if not any(line["decides"] for line in lines):
        data, model = own["data_drift"], own["model_drift"]
        line = {name: _window(scan, own)[name] for name in ("name", "batches", "rows")}
        line |= {"users": data["users"]["current"], "warm_pairs": model["rows"]["current"]}
        line |= {"data_score": data["score"], "model_score": model["score"], "drift_score": own["drift_score"]}
        line |= {"bar": bar(evidence.config, line["rows"])}
        lines.append(line | {"judged": True, "decides": True})
    return lines


def _known(score: float) -> float | None:
    return None if np.isnan(score) else float(score)
