"""One computation of the feature store, from the tables of a lakehouse to a version that readers open."""

from dataclasses import dataclass
from pathlib import Path

from reco_assets.features.declarations import FEATURES
from reco_assets.features.inputs import read_inputs
from reco_assets.features.store import store_path
from reco_assets.features.versions import remove_old, write_version
from reco_assets.tables import MODELS
from resources.tables.lakehouse import Lakehouse
from resources.tables.pins import pinned_versions

STORE = "features/store"  # the asset, its lock, and what models call it where they say what they were trained on


@dataclass(frozen=True)
class Computed:
    """A version that readers open, what it was computed from, and the older ones that went."""

    version: int
    path: Path
    inputs: dict[str, int | None]
    removed: list[int]


def compute_store(lakehouse: Lakehouse) -> Computed:
    """Compute the feature store anew; whatever fails leaves it as it was.

    Raises:
        FeatureInputsError: There are no ratings.
        FeatureCheckError: A value breaks its feature's rule, or a feature looks ahead.
        FeatureStoreError: Something else lies where the store belongs.
        DatabaseError: The file can't be written.
    """
    path = store_path(lakehouse.settings)
    with lakehouse.lock(STORE):
        inputs = read_inputs(lakehouse)
        version = write_version(path, inputs, FEATURES)
        pinned = pinned_versions(lakehouse.path(str(MODELS))).get(STORE, set())
        removed = remove_old(path, lakehouse.settings.features.versions_kept, pinned)
    return Computed(version, path, inputs.versions, removed)
