"""The decision that lets batches into training and test: on the verdict of a drift report, or by hand."""

from dataclasses import replace
from enum import Enum

from reco_assets.drift.reports import Verdict, report_verdict
from resources.settings import Settings

BY_HAND = Verdict("by_hand", should_retrain=True, reason="accepted by hand")


class Accept(Enum):
    """When waiting batches are accepted: if the drift report calls for it (and what follows runs, or is skipped,
    without drift), or whatever it says.
    """

    IF_DRIFT = "if_drift"
    IF_DRIFT_OR_STOP = "if_drift_or_stop"
    ALWAYS = "always"


def verdict_for(settings: Settings, accept: Accept, report: str) -> Verdict:
    """The verdict to act on: that of the report of this id, or of the newest where it is empty.

    Where whoever asks has decided already, the report says why, if one is named. Raises `ReportError`.
    """
    if accept is not Accept.ALWAYS:
        return report_verdict(settings, report or None)
    return replace(report_verdict(settings, report), should_retrain=True) if report else BY_HAND
