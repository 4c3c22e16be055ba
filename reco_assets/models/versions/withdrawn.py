"""Which versions learned from batches that were withdrawn since, and which one could serve in place of such a champion.

It is found from the Delta versions that a version names, whenever somebody looks, so a training that was under way
during a withdrawal is found, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from reco_assets.batches.withdrawn import withdrawn
from reco_assets.models.inputs import read_origins
from reco_assets.models.interface import Family
from reco_assets.models.record import ModelRecord
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class Learned:
    """The withdrawn batches whose ratings a version was trained on, and those that it was judged on."""

    trained: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()


def on_withdrawn(lakehouse: Lakehouse, family: Family, only: str | None = None) -> Mapping[str, Learned]:
    """Of each version that was trained or judged on withdrawn batches, which those are; oldest version first.

    `only`: the one version that is asked about. Families with data of their own learn from no batch. Raises
    `LedgerError`, `ModelStoreError`.
    """
    out = withdrawn(lakehouse.root).keys()
    return on_batches(lakehouse, family, frozenset(out), only) if out else {}


def on_batches(
    lakehouse: Lakehouse, family: Family, batches: frozenset[str], only: str | None = None
) -> Mapping[str, Learned]:
    """As `on_withdrawn`, of any batches."""
    if family.own:
        return {}

    @cache
    def among(table: str, version: int) -> tuple[str, ...]:
        try:
            return tuple(sorted(read_origins(lakehouse, table, version) & batches))
        except LakehouseError:  # it is gone, and nobody can tell any more
            return ()

    def learned(record: ModelRecord) -> Learned:
        judged = record.judged_inputs.get(TEST_RATINGS.name)
        trained = record.delta_version(TRAIN_RATINGS.name)
        return Learned(
            () if trained is None else among(TRAIN_RATINGS.name, trained),
            among(TEST_RATINGS.name, judged) if isinstance(judged, int) else (),
        )

    store = model_store(lakehouse.settings, family)
    found = {version: learned(store.record(version)) for version in ([only] if only else store.versions())}
    return {version: each for version, each in found.items() if each != Learned()}


def way_out(store: ModelStore, found: Mapping[str, Learned]) -> str | None:
    """What to do about a champion that was trained on withdrawn batches, in one line; None where it wasn't.

    Raises `ModelStoreError`.
    """
    champion = store.champion()
    if champion is None or champion not in found or not found[champion].trained:
        return None
    others = [name for name in store.versions() if name not in found or not found[name].trained]
    said = f"Champion {champion} was trained on what was withdrawn"
    if not others:
        return f"{said}, as was every other version. Train one without it: reco train."
    newest = others[-1]
    command = "reco model rollback" if newest == store.previous() else f"reco model promote {newest}"
    decision = store.record(newest).decision.partition(":")[0] or "not judged"
    return (
        f"{said}. The newest version that was not is {newest} ({decision}). "
        f"Let it serve: {command}. Or train one without it: reco train."
    )
