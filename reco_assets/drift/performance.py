"""Performance drift: does the champion err more on labels that came later than where it was judged? Pure.

It is a verdict of its own beside those of the policies. The drift score compares distributions, and ratings may keep
theirs while the champion no longer predicts them: a score of 0.01 once stood above an RMSE that went from 0.84 to 1.19.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reco_assets.drift.decision import Evidence, Finding
from reco_assets.drift.signals import RMSE, Measured

WORSE, BETTER, NOT_SIGNIFICANT, INSUFFICIENT = "worse", "better", "not_significant", "insufficient"
_SAID = {
    WORSE: "worse than chance explains",
    BETTER: "better than chance explains",
    NOT_SIGNIFICANT: "none that chance doesn't explain",
}


def performance_drift(evidence: Evidence, own: Finding) -> dict[str, Any]:
    """The shift of the champion's RMSE where it is the largest, and its `status`, as JSON.

    Looked at are the windows of enough rows, the window that decides (`own`) and the strongest of earlier ones, so no
    RMSE in a report is worse than what its verdict says. "insufficient" where no window has enough warm pairs of two
    users or more.
    """
    found = max(_measured(evidence, own), key=lambda measured: float(measured["shift"]), default=None)
    if found is None:
        return {"status": INSUFFICIENT}
    low, high = found["interval"]
    status = WORSE if low > 0 else BETTER if high < 0 else NOT_SIGNIFICANT
    return {"status": status, **found}


def in_words(found: Measured) -> str:
    """The verdict as one line; of a report in which nothing was compared, nothing."""
    if found["status"] == INSUFFICIENT:
        return "Performance drift: not judged, there are too few new labels of pairs that the champion knows"
    if found["status"] not in _SAID:
        return ""
    return f"Performance drift: {_SAID[found['status']]}. {figures(found)}"


def figures(found: Measured) -> str:
    """RMSE before and after, and the shift with its interval."""
    low, high = found["interval"]
    return (
        f"The champion's RMSE went from {found['reference']:.2f} on its own test to {found['current']:.2f} "
        f"on new labels: {found['shift']:+.2f} stars (95 % interval {low:+.2f} to {high:+.2f})"
    )


def _measured(evidence: Evidence, own: Finding) -> Iterator[Measured]:
    strengths = evidence.scored.strengths.get(RMSE)
    if strengths is None:  # a report on other signals
        return
    among = evidence.of_enough_rows
    worst = among[np.nan_to_num(strengths[among], nan=-np.inf).argmax()]
    yield from filter(None, (evidence.measured(RMSE, worst), own.get(RMSE), evidence.scan.strongest.get(RMSE)))
