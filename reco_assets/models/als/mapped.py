"""An ALS version as arrays that processes share: servers map them, and hold no user's factors that nobody asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.new_movies import NEW_FILE
from reco_assets.models.als.recommender import ADDS, ITEMS_FILE, USERS_FILE, AlsRecommender
from reco_assets.models.biases import Biases
from reco_assets.models.ratings import positions
from reco_assets.models.record import ModelPart
from reco_assets.models.top_n import Side
from resources.arrays import mapped_array, new_array

USERS, ITEMS, NEW = "users", "items", "new"
ROWS_AT_ONCE = 65_536  # of a side, 30 MB at ranks 50 and 64


def write_mapped(version: Path, folder: Path) -> None:
    """Write the arrays of a version's folder, each side sorted by id, a block of rows at a time."""
    _write_side(version / USERS_FILE, "user_id", folder / USERS)
    _write_side(version / ITEMS_FILE, "movie_id", folder / ITEMS)
    if (version / NEW_FILE).exists():
        _write_side(version / NEW_FILE, "movie_id", folder / NEW)


def load_mapped(folder: Path, config: ModelConfig, mean: float, replaced: Sequence[ModelPart] = ()) -> AlsRecommender:
    """The model of the arrays that `write_mapped` wrote; the rest as of `AlsRecommender.load`."""

    def array(side: str, name: str) -> np.ndarray:
        return mapped_array(folder / side / f"{name}.npy")

    return AlsRecommender(
        config=config,
        user_ids=array(USERS, "user_id"),
        movie_ids=array(ITEMS, "movie_id"),
        biases=Biases(mean, array(USERS, "bias"), array(ITEMS, "bias")),
        rating_users=array(USERS, "rating_factors"),
        rating_items=array(ITEMS, "rating_factors"),
        ranking_users=array(USERS, "ranking_factors"),
        ranking_items=array(ITEMS, "ranking_factors"),
        item_counts=array(ITEMS, "rating_count"),
        replaced=tuple(replaced),
        ranking_adds=array(ITEMS, ADDS) if config.mix.ease else None,
        new=Side(array(NEW, "movie_id"), array(NEW, "ranking_factors")) if (folder / NEW).exists() else None,
    )


def _write_side(source: Path, key: str, folder: Path) -> None:
    rows = ds.dataset(source, format="parquet")
    ids = np.sort(rows.to_table(columns=[key])[key].to_numpy())
    arrays: dict[str, np.ndarray] = {}
    for batch in rows.to_batches(batch_size=ROWS_AT_ONCE):
        at = positions(ids, batch[key].to_numpy())
        for name in batch.schema.names:
            values = _numbers(batch[name])
            if name not in arrays:
                arrays[name] = new_array(folder / f"{name}.npy", values.dtype, (len(ids), *values.shape[1:]))
            arrays[name][at] = values


def _numbers(column: pa.Array) -> np.ndarray:
    """A column of numbers as (n,), one of vectors as (n, width)."""
    nested = pa.types.is_nested(column.type)
    numbers: np.ndarray = (column.flatten() if nested else column).to_numpy()
    return numbers.reshape(len(column), -1) if nested else numbers
