"""What either policy would have done with past batches, one arriving after the other, with windows and without.

The champion stays the same, so its age says nothing here. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reco_assets.drift.cells import Cells
from reco_assets.drift.decision import Evidence, decide, decide_pool
from reco_assets.drift.policy import ADAPTIVE, CALIBRATED, DOCUMENTED, Verdict
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick

POLICIES = (DOCUMENTED, CALIBRATED, ADAPTIVE)
WINDOWS, POOL = "windows", "pool"
RULES = (WINDOWS, POOL)


@dataclass(frozen=True)
class Step:
    """A batch's arrival under a policy and a rule (windows, or the pool of all that waits alone).

    `waiting`: how many batches then wait; `batches`: how many of them the window holds that the verdict rests on.
    """

    policy: str
    rule: str
    arrival: Arrival
    waiting: int
    verdict: Verdict
    batches: int

    @property
    def retrained(self) -> bool:
        """Whether this policy would have retrained here, after which no batch waits."""
        return self.verdict.retrain


def replay(arrivals: Sequence[Arrival], read: Callable[[Arrival, int], Cells], yardstick: Yardstick) -> Iterator[Step]:
    """Let batches arrive in order; under each policy and rule they wait until it retrains.

    `read` gives the cells of a batch at a position.
    """
    ways = [(policy, rule) for policy in POLICIES for rule in RULES]
    waiting: dict[tuple[str, str], tuple[int, Scan]] = dict.fromkeys(ways, (0, Scan()))
    for number, arrival in enumerate(arrivals):
        cells: dict[int, Cells] = {}
        known: dict[int, tuple[Scan, Evidence]] = {}
        for policy, rule in ways:
            first, scan = waiting[policy, rule]
            if first not in known:  # ways whose batches wait since the same one share all of it
                cells[first] = read(arrival, number - first)
                scan = scan.take([arrival], cells[first], yardstick)
                known[first] = scan, Evidence.of(scan, yardstick, brief=True)
            scan, evidence = known[first]
            step = _step(policy, rule, arrival, evidence)
            waiting[policy, rule] = (number + 1, Scan()) if step.retrained else (first, scan)
            yield step


def _step(policy: str, rule: str, arrival: Arrival, evidence: Evidence) -> Step:
    if rule == WINDOWS:
        decided = decide(evidence)[policy]
        finding, verdict = decided.finding, decided.verdict
    else:
        finding, verdict = evidence.pool, decide_pool(evidence)[policy]
    return Step(policy, rule, arrival, evidence.scan.starts.end, verdict, finding["end"] - finding["start"])
