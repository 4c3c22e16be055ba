"""What a neural model learns from and is judged on, read from the feature store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reco_assets.features.run import STORE
from reco_assets.features.store import FeatureStore, store_path
from reco_assets.models.als import family as als
from reco_assets.models.interface import HeldOut
from reco_assets.models.judging.sampled import Interactions, Split, leave_latest_out
from reco_assets.models.judging.sampled_judge import SPLIT
from reco_assets.models.ncf.lessons import Catalogue
from reco_assets.models.record import Inputs
from reco_assets.models.training_data import TrainingData
from resources.tables.lakehouse import Lakehouse

CHECKPOINTS = Path("gold", "models", "ncf", ".checkpoints")
SIDE_INPUT = ("movie_age", "movie_genres")
# Kept beside the store's version, which is a number alone: a store that is made anew counts from 1 again.
IDENTITY = f"{STORE} identity"


@dataclass(frozen=True)
class Brought:
    """What `read` adds: how movies are described, and the folder of checkpoints, None for a training without."""

    describe: Callable[[], Catalogue]
    checkpoints: Path | None


def read(lakehouse: Lakehouse, inputs: Inputs | None) -> TrainingData:
    """All but each user's held-out rating, of the store that inputs name or of the newest. See `OwnWay`.

    Who names inputs trains a version again to compare, so that training starts from the beginning and leaves nothing.
    Raises `FeatureStoreError`.
    """
    found, split = _split(lakehouse, inputs)

    def describe() -> Catalogue:
        with _store(lakehouse, found) as store:
            return described(store)

    known = split.known
    own = Brought(describe, None if inputs else lakehouse.root / CHECKPOINTS)
    return TrainingData(known.ratings, found, SPLIT, moment=known.moment, own=own)


def held_out(lakehouse: Lakehouse, inputs: Inputs | None) -> HeldOut:
    """Each user's held-out rating, of the store that inputs name or of the newest. See `OwnWay`.

    Raises `FeatureStoreError`.
    """
    found, split = _split(lakehouse, inputs)
    config = als.configure(lakehouse.settings)
    return HeldOut(
        split.known.ratings,
        split.held_out,
        found,
        lambda known: {"implicit_als": als.fit_ranking(known, config)},
    )


def described(store: FeatureStore) -> Catalogue:
    """All movies of a store by those features that no rating changes, so none tells of what is held out."""
    ids = store.movie_ids
    found = store.vectors("movie", ids, np.full(len(ids), np.datetime64(store.as_of, "s")))
    return Catalogue(ids, found.values[:, [name.startswith(SIDE_INPUT) for name in found.names]])


def _split(lakehouse: Lakehouse, inputs: Inputs | None) -> tuple[Inputs, Split]:
    """What the store that was read is, and its split."""
    with _store(lakehouse, inputs or {}) as store:
        split = leave_latest_out(Interactions.from_arrow(store.interactions(), "ts"))
        return {STORE: store.version, IDENTITY: store.identity}, split


def _store(lakehouse: Lakehouse, inputs: Inputs) -> FeatureStore:
    wanted = inputs.get(STORE)
    return FeatureStore.open(store_path(lakehouse.settings), wanted if isinstance(wanted, int) else None)
