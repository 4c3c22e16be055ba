"""Users of a version in blocks, on Spark: a frame has a row for each user, and a small model answers for each batch.

A model of some users answers them as the model of all does, so what comes of blocks is what the whole model would say.
Only a version's other sides are read by each worker's process, once, from the version's folder; no node has all users.
A batch is what Spark makes one: at most 10,000 rows and 64 MB, unless `spark.sql.execution.arrow.*` says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.models.interface import Family, Recommender, UserSide
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import ModelRecord
from reco_assets.models.versions.files import load_users, read_record
from reco_assets.models.versions.store import ModelStore
from resources.engine import Engine
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NOBODY = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Blocks:
    """A version whose users come in blocks: its folder, which every node sees, and what makes a model of some users."""

    folder: Path
    side: UserSide
    record: ModelRecord

    @classmethod
    def open(cls, store: ModelStore, version: str, *, as_trained: bool = False) -> "Blocks":
        """Find a version of a family that has a `UserSide`: what it serves, or as of `ModelStore.load` all its own.

        Raises `ModelStoreError` where it is missing or damaged.
        """
        return cls.at(store.path(version), store.family, as_trained=as_trained)

    @classmethod
    def at(cls, folder: Path, family: Family, *, as_trained: bool = False) -> "Blocks":
        """The same of a version's folder, wherever it is."""
        if family.users is None:
            raise ValueError(f"versions of {family.name} are loaded whole")
        load_users(folder, family, NOBODY)  # which looks at all the files
        record = read_record(folder, family)
        return cls(folder, family.users, record.as_trained() if as_trained else record)

    def of_nobody(self) -> Recommender:
        """The model without a user: what it says of movies holds for everyone."""
        return self.side.model(self.folder, self.record, ds.dataset(self.folder / self.side.file).schema.empty_table())

    def frame(self, engine: Engine, column: str) -> "DataFrame":
        """All users: user_id, and in a column of this name what `model` takes of each."""
        from pyspark.sql import functions as F

        users = engine.session.read.parquet(engine.path(self.folder / self.side.file))
        return users.select("user_id", F.struct(*users.columns).alias(column))

    def model(self, users: pa.ChunkedArray) -> Recommender:
        """The model of the users in a column of `frame`; null is a user whom the version doesn't know."""
        known = pa.Table.from_struct_array(users.combine_chunks().drop_null())
        return self.side.model(self.folder, self.record, known)


def in_blocks(lakehouse: Lakehouse, family: Family, tables: Mapping[str, int | None]) -> bool:
    """Whether what is made of these tables (at a version) and of a family's model goes through blocks of users.

    A family without a `UserSide` is fitted in memory, and so is all else that it does. Raises `LakehouseError`.
    """
    if family.users is None:
        return False
    return any(lakehouse.goes_by_frames(name, version) for name, version in tables.items())


def ratings_of(user_id: pa.ChunkedArray, rated: pa.ChunkedArray, stars: str | None = None) -> Ratings:
    """The ratings of a block: who rated, (u,), and for each a list of movies or of structs with `movie_id` and `stars`.

    Without stars each rating is 0: of what a user has seen they say nothing. Null stands for an empty list.
    """
    lists, users = rated.combine_chunks(), user_id.to_numpy()
    entries = lists.flatten()
    of_user = np.repeat(users, lists.value_lengths().fill_null(0).to_numpy())
    if stars is None:
        return Ratings(of_user, entries.to_numpy(), np.zeros(len(of_user), np.float32))
    return Ratings(of_user, entries.field("movie_id").to_numpy(), entries.field(stars).to_numpy())
