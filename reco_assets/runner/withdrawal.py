"""A batch is withdrawn, or counts again, and whatever follows from it is made: training, test, lists, drift report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reco_assets.batches.finding import SHORT, Listed, find_batch, listed
from reco_assets.batches.receipts import family as parts_of
from reco_assets.batches.withdrawn import Action
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.withdrawn import Learned, on_batches, on_withdrawn, way_out
from reco_assets.pipelines.selections import DRIFT, EXPOSURES, FRESH, MERGE
from reco_assets.runner.make import Make
from reco_assets.split.assets import NOT_ON_WITHDRAWN
from reco_assets.split.withdrawal import Held, held_of
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

TAG = "withdrawn_batches"  # in MLflow, of runs and versions
Check = Callable[[Settings, Sequence[str]], object]


@dataclass(frozen=True)
class Plan:
    """What is to be withdrawn, or to count again: a file's batch with what replays of it brought back, what training
    and test hold of them now, the versions that learned from them, and who serves.
    """

    action: Action
    parts: Sequence[Listed]
    held: Held
    versions: Mapping[str, Learned]
    champion: str | None

    @property
    def batch(self) -> str:
        """The file's batch."""
        return self.parts[0].receipt.batch

    def lines(self) -> list[str]:
        """The plan in words."""
        told = []
        for part in self.parts:
            state, receipt = f"{part.state} ({part.why})" if part.why else part.state, part.receipt
            counts = f"{receipt.good:,} ratings, {receipt.quarantined:,} lines in quarantine"
            told.append(f"Batch {part.name} of {receipt.source}: {state}, {counts}.")
        held = self.held
        told.append(
            f"Training holds {held.train:,} of its ratings, test {held.test:,}; {held.given_back:,} of them stand in "
            "place of another value."
        )
        for version, found in self.versions.items():
            how = "trained on it" if found.trained else "judged on it"
            told.append(f"{version}{' (champion)' if version == self.champion else ''} was {how}.")
        return told

    def document(self) -> dict[str, Any]:
        """The plan as plain JSON."""
        parts = [part.document() for part in self.parts]
        versions = [
            {"version": version, "trained": bool(found.trained), "judged": bool(found.judged)}
            for version, found in self.versions.items()
        ]
        held = asdict(self.held)
        return {"action": self.action, "batches": parts, **held, "versions": versions, "champion": self.champion}


def plan_withdrawal(settings: Settings, text: str, action: Action) -> Plan:
    """What it would be to withdraw a batch, or to let it count again; nothing is changed.

    Raises `BatchNameError`, `LedgerError`, `LakehouseError`, `ModelStoreError`.
    """
    lakehouse = Lakehouse.open(settings)
    names = frozenset(parts_of(lakehouse.root, find_batch(lakehouse.root, text)))
    versions = on_batches(lakehouse, SERVING_FAMILY, names)
    champion = serving_store(settings).champion()
    return Plan(action, listed(lakehouse.root, names), held_of(lakehouse, names), versions, champion)


def carry_out(settings: Settings, plan: Plan, reason: str, make: Make, check: Check) -> dict[str, Any]:
    """Decide, make what follows from it, and say in MLflow which versions learned from it.

    Doing it again changes nothing, and finishes what a killed run began. Returns what training and test are now, and
    what is to be done about the champion, if anything. Raises as `plan_withdrawal`, `RunFailedError`.
    """
    # A batch that training never took changes neither table, which may not be there yet.
    assets = MERGE if any(part.accepted for part in plan.parts) else MERGE[:1]
    made = make(settings, assets, plan.action, {"stream__accepted": {plan.action: plan.batch, "reason": reason}})
    make(settings, [*FRESH, *EXPOSURES, *DRIFT], "lists and drift report")
    check(settings, [NOT_ON_WITHDRAWN])
    found = on_withdrawn(Lakehouse.open(settings), SERVING_FAMILY)
    _tell_mlflow(settings, plan, found)
    rows = {name: made.metadata[name].get("dagster/row_count") for name in assets[1:]}
    return {
        "decided": made.metadata["stream/accepted"]["decided_batches"],
        **rows,
        "next": way_out(serving_store(settings), found),
    }


def _tell_mlflow(settings: Settings, plan: Plan, found: Mapping[str, Learned]) -> None:
    mlflow = MlflowTracking(settings, SERVING_FAMILY.registered_name(settings))
    store = serving_store(settings)
    for version in plan.versions:
        if store.record(version).metrics is not None:  # what was not judged is not registered
            names = ", ".join(batch[:SHORT] for batch in found[version].trained) if version in found else ""
            mlflow.tag_version(version, {TAG: names or "none"})
