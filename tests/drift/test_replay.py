"""Replaying past batches: under each policy they pool until that policy would have retrained."""

from collections.abc import Mapping, Sequence

from reco_assets.drift.assessment import DriftReport
from reco_assets.drift.replay import Step, replay
from reco_assets.streaming.receipts import Receipt

Verdicts = Mapping[tuple[str, ...], str]


def receipt(batch: str) -> Receipt:
    return Receipt(batch, f"{batch}.csv", 0, 0, lines=1, good=1, quarantined=0, duplicates=0, train=1, test=0, users=1)


def steps(batches: Sequence[str], retraining: Mapping[str, set[tuple[str, ...]]]) -> list[Step]:
    """Replay with a judge whose verdict of a policy is whether the pool is among those listed for it."""

    def judge(pool: tuple[str, ...]) -> DriftReport:
        verdicts = {
            policy: {"should_retrain": pool in pools, "reason_codes": []} for policy, pools in retraining.items()
        }
        return DriftReport({"verdicts": verdicts})

    return list(replay([receipt(batch) for batch in batches], judge))


def test_batches_pool_until_a_policy_retrains_and_then_start_anew() -> None:
    found = steps(["a", "b", "c"], {"documented": {("a", "b")}, "calibrated": set()})
    assert [(s.receipt.batch, s.waiting, s.retrained) for s in found if s.policy == "documented"] == [
        ("a", 1, False),
        ("b", 2, True),
        ("c", 1, False),
    ]


def test_each_policy_has_a_pool_of_its_own() -> None:
    found = steps(["a", "b"], {"documented": {("a",)}, "calibrated": set()})
    assert [(s.policy, s.waiting) for s in found] == [
        ("documented", 1),
        ("calibrated", 1),
        ("documented", 1),
        ("calibrated", 2),
    ]
