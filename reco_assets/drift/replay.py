"""What either policy would have done with past batches, one arriving after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reco_assets.drift.assessment import DriftReport
from reco_assets.streaming.receipts import Receipt

POLICIES = ("documented", "calibrated")


@dataclass(frozen=True)
class Step:
    """A batch's arrival under one policy: the batches that then waited, the report on them, whether it retrained."""

    policy: str
    receipt: Receipt
    waiting: int
    report: DriftReport

    @property
    def retrained(self) -> bool:
        """Whether this policy would have retrained here, after which no batch waits."""
        return bool(self.report.document["verdicts"][self.policy]["should_retrain"])

    @property
    def reasons(self) -> list[str]:
        """The policy's reason codes."""
        return list(self.report.document["verdicts"][self.policy]["reason_codes"])


def replay(received: Sequence[Receipt], judge: Callable[[tuple[str, ...]], DriftReport]) -> Iterator[Step]:
    """Let batches arrive in order; under each policy they pool until it retrains. `judge` reports on a pool."""
    pools: dict[str, tuple[str, ...]] = dict.fromkeys(POLICIES, ())
    for receipt in received:
        reports: dict[tuple[str, ...], DriftReport] = {}
        for policy in POLICIES:
            pool = (*pools[policy], receipt.batch)
            reports[pool] = reports.get(pool) or judge(pool)
            step = Step(policy, receipt, len(pool), reports[pool])
            pools[policy] = () if step.retrained else pool
            yield step
