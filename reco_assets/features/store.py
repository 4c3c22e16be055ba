"""The feature store as its readers see it: one version of it, which stays as it is while they read.

Nothing that is asked becomes part of a query's text: ids and moments are handed to DuckDB as data.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from reco_assets.features.declarations import Entity, Feature
from reco_assets.features.point_in_time import features_at
from resources.databases import open_to_read
from resources.errors import RecoError
from resources.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = Path("features", "feature_store.duckdb")  # below the lakehouse, where FEATURE_STORE_PATH names no other


VERSIONS, SUFFIX = "versions", ".duckdb"


class FeatureStoreError(RecoError):
    """The store can't be read or replaced; the message names it and says what to do."""


@dataclass(frozen=True)
class FeatureVectors:
    """Features as an array: `values` (n, d) float32, `names` of its d columns."""

    names: tuple[str, ...]
    values: np.ndarray


def store_path(settings: Settings) -> Path:
    """Where readers open the store."""
    return settings.features.store or settings.storage.root / FILE


def version_file(path: Path, version: int) -> Path:
    """The file of a version, beside the path where readers open the newest."""
    return path.parent / VERSIONS / f"{version}{SUFFIX}"


def versions_in(path: Path) -> list[int]:
    """The versions beside a store's path, oldest first."""
    names = (file.stem for file in (path.parent / VERSIONS).glob(f"*{SUFFIX}"))
    return sorted(int(name) for name in names if name.isdecimal())


class FeatureStore:
    """One version of the store, open to read. Use it in a `with` block, or close it."""

    def __init__(self, path: Path, connection: "DuckDBPyConnection") -> None:
        self.path = path
        self._connection = connection
        newest_column = "SELECT 1 FROM duckdb_columns() WHERE table_name = '_features' AND column_name = 'unseen'"
        if not self._query(newest_column).num_rows:
            raise FeatureStoreError(
                f"{path} holds no feature store, or one that an older release computed. Compute one: reco features "
                "compute; a file that is no feature store must be moved away before."
            )
        self._about: dict[str, Any] = self._query("SELECT * FROM _store").to_pylist()[0]

    @classmethod
    def open(cls, path: Path, version: int | None = None) -> Self:
        """Open the newest version, or one by its number; one that is computed meanwhile doesn't change it.

        Raises `FeatureStoreError` where there is none, `DatabaseError` where it can't be read.
        """
        file = path if version is None else version_file(path, version)
        if not file.exists():
            raise FeatureStoreError(_missing(path, version))
        # The path leads to another file as soon as a version is computed. The file's own name never does.
        return cls(path, open_to_read(file.resolve()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def version(self) -> int:
        """The version's number, which each one that is computed counts on."""
        return int(self._about["version"])

    @property
    def identity(self) -> str:
        """What tells it from another version of its number: the same for the same interactions and movies alone."""
        return str(self._about["identity"])

    @property
    def as_of(self) -> datetime:
        """The moment of the newest event that it knows, UTC."""
        moment: datetime = self._about["as_of"]
        return moment

    @property
    def inputs(self) -> Mapping[str, int | None]:
        """By table, the Delta version that it was computed from; None for a table without versions."""
        found: dict[str, int | None] = json.loads(self._about["inputs"])
        return found

    @property
    def genres(self) -> tuple[str, ...]:
        """What the numbers of a feature per genre stand for, in their order."""
        return tuple(self._about["genres"])

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features of this version, declared as they were when it was computed."""
        rows = self._query("FROM _features").to_pylist()
        return tuple(Feature(**{**row, "entity": Entity(row["entity"])}) for row in rows)

    @cached_property
    def movie_ids(self) -> np.ndarray:
        """Every movie that has a title or an event, sorted, int32."""
        ids: np.ndarray = self._query("SELECT movie_id FROM movies ORDER BY movie_id")["movie_id"].to_numpy()
        return ids

    def row_counts(self) -> dict[str, int]:
        """The rows of each table of the version, of what is no view and not about the store itself."""
        tables = self._query("SELECT table_name, estimated_size FROM duckdb_tables() WHERE table_name[1] <> '_'")
        return dict(sorted(zip(*tables.to_pydict().values(), strict=True)))

    def interactions(self) -> pa.Table:
        """Every rating: user_id, movie_id, rating in stars, ts (UTC, whole seconds), by user and time."""
        return self._query("SELECT user_id, movie_id, rating, ts FROM interactions ORDER BY user_id, ts, movie_id")

    def training_examples(self) -> pa.Table:
        """Every rating with the features of its user, movie and both just before it."""
        return self._query("SELECT * FROM training_examples")

    def features_at(self, entity: str, ids: np.ndarray, ts: np.ndarray) -> pa.Table:
        """Features just before moments: the ids, ts and one column per feature, in the order that is asked in.

        Args:
            entity: user, movie or user_movie.
            ids: (n,) whole numbers; (n, 2) of user_id and movie_id for user_movie.
            ts: (n,) datetime64, UTC. What happened in the same second is not seen.

        Raises:
            ValueError: There is no such entity, or the lengths differ.
        """
        whom = Entity(entity)
        query = features_at([whom], "asked", self.features, len(self.genres))
        return self._query(f"SELECT * EXCLUDE (turn) FROM ({query}) ORDER BY turn", _asked(whom, ids, ts))

    def newest(self, entity: str, ids: np.ndarray) -> pa.Table:
        """The features of ids after all that the store knows, as of `features_at`."""
        ts = np.full(len(ids), np.datetime64(self.as_of, "s") + np.timedelta64(1, "s"))
        return self.features_at(entity, ids, ts)

    def vectors(self, entity: str, ids: np.ndarray, ts: np.ndarray) -> FeatureVectors:
        """The same numbers as `features_at` gives, as one array; a feature per genre has a column for each."""
        return as_vectors(self.features_at(entity, ids, ts), [*Entity(entity).ids, "ts"], self.genres)

    def _query(self, query: str, asked: pa.Table | None = None) -> pa.Table:
        cursor = self._connection.cursor()  # one for each, as several threads may read
        if asked is not None:
            cursor.register("asked", asked)
        try:
            return cursor.sql(query).to_arrow_table()
        finally:
            cursor.close()


def _missing(path: Path, version: int | None) -> str:
    if version is not None:
        there = ", ".join(map(str, versions_in(path))) or "none"
        return (
            f"There is no version {version} of the feature store at {version_file(path, version)}; there are: {there}. "
            "One that is gone does not come back; another is made by: reco features compute."
        )
    if path.is_symlink():
        return (
            f"The newest version of the feature store is gone: {path.resolve()}. Make another: reco features compute."
        )
    return f"There is no feature store at {path}. Compute it: reco features compute."


def as_vectors(table: pa.Table, but: Sequence[str], genres: Sequence[str]) -> FeatureVectors:
    """The columns of a table of features as one array, without some."""
    names, columns = list[str](), list[np.ndarray]()
    for name in table.column_names:
        if name in but:
            continue
        column = table[name].combine_chunks()
        if pa.types.is_fixed_size_list(column.type):
            names += [f"{name}[{genre}]" for genre in genres]
            columns.append(column.flatten().to_numpy().reshape(-1, len(genres)))
        else:
            names.append(name)
            columns.append(column.to_numpy(zero_copy_only=False)[:, None])
    return FeatureVectors(tuple(names), np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind"))


def _asked(entity: Entity, ids: np.ndarray, ts: np.ndarray) -> pa.Table:
    columns = np.asarray(ids).reshape(len(ts), len(entity.ids))
    named = {name: columns[:, at].astype(np.int64) for at, name in enumerate(entity.ids)}
    moments = pa.array(np.asarray(ts, "datetime64[s]")).cast(pa.timestamp("us"))
    return pa.table({**named, "ts": moments, "turn": np.arange(len(ts))})
