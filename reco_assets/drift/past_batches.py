"""Every batch that was taken in and not withdrawn arrives again, and each policy says what it would have done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from reco_assets.batches.receipts import receipts
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.drift.inputs import arrived, batch_cells
from reco_assets.drift.policy import reachable
from reco_assets.drift.reference import reference_of
from reco_assets.drift.replay import POLICIES, RULES, Step, replay
from reco_assets.drift.reports import ReportError
from reco_assets.models.serving import find_current_model, serving_store
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

WAYS = tuple((policy, rule) for policy in POLICIES for rule in RULES)


@dataclass(frozen=True)
class Arrived:
    """A file that came in, its good rows, and what each of `WAYS` made of it, in their order."""

    file: str
    rows: int
    steps: Sequence[Step]


@dataclass(frozen=True)
class PastBatches:
    """All batches in the order of intake, and the version that each was compared with."""

    version: str
    arrived: Sequence[Arrived]

    @property
    def retrainings(self) -> Mapping[tuple[str, str], int]:
        """How often each of `WAYS` would have retrained."""
        of_ways = zip(*(arrival.steps for arrival in self.arrived), strict=True)
        return {way: sum(step.retrained for step in steps) for way, steps in zip(WAYS, of_ways, strict=True)}


def past_batches(settings: Settings, version: str | None = None) -> PastBatches:
    """Compare every batch with a version, by default the champion.

    Raises `ReportError` when there is none or the version does not say what it was trained on, `ModelStoreError`.
    """
    out, config = withdrawn(settings.storage.root), reachable(settings.drift)
    received = [receipt for receipt in receipts(settings.storage.root) if receipt.batch not in out]
    if not received:
        raise ReportError(
            f"No batch was taken in yet. Copy a CSV file to {settings.storage.landing} and run: reco stream process."
        )
    if version is None:
        find_current_model(settings)
    version = version or str(serving_store(settings).champion())
    lakehouse = Lakehouse.open(settings)
    reference = reference_of(lakehouse, version)
    files = {receipt.batch: receipt.source for receipt in received}
    steps = replay(
        arrived(received),
        lambda arrival, position: batch_cells(lakehouse, reference.model_of, [arrival], position),
        reference.yardstick(config),
    )
    return PastBatches(
        version,
        [
            Arrived(files[arrival.batch], arrival.train + arrival.test, list(taken))
            for arrival, taken in groupby(steps, key=lambda step: step.arrival)
        ],
    )
