"""Versions of the store: each a file of its own, written beside, looked at, and only then put where readers open it.

The versions are `versions/1.duckdb`, `2.duckdb` …, and the store's path is a link to the newest of them.
"""

import json
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2s
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reco_assets.features.compute import Sources, build
from reco_assets.features.declarations import Feature
from reco_assets.features.finding import FeatureCheckError
from reco_assets.features.inputs import Inputs
from reco_assets.features.look_ahead import looking_ahead
from reco_assets.features.rules import broken_rules
from reco_assets.features.store import FeatureStoreError, version_file, versions_in
from reco_assets.version import code_version
from resources.databases import new_database
from resources.files import flush_to_disk, hidden_beside
from resources.locking.reservations import reserved_path

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def write_version(path: Path, inputs: Inputs, features: Sequence[Feature]) -> int:
    """Compute a version and let `path` lead to it; returns its number.

    Whatever fails leaves `path` and the versions as they were.

    Args:
        path: Where readers open the store.
        inputs: What it is computed from.
        features: What is computed.

    Raises:
        FeatureCheckError: A value breaks its feature's rule, or a feature looks ahead.
        DatabaseError: The file can't be written, for want of space for example.
        FeatureStoreError: Something else lies at `path`.
    """
    _require_replaceable(path)
    version = max(versions_in(path), default=0) + 1
    file = version_file(path, version)
    with reserved_path(file), _scratch(file) as scratch:
        staged, link = scratch / "store", scratch / "link"
        with new_database(staged, file) as connection:
            genres = build(connection, inputs.sources, features)
            _describe(connection, version, inputs, features, genres)
            _require_sound(connection, inputs.sources, features, genres)
        staged.chmod(0o444)  # a version never changes
        flush_to_disk(staged)  # before a name leads to it: after a power cut nothing would notice a torn version
        staged.rename(file)
        flush_to_disk(file.parent)
        link.symlink_to(file.relative_to(path.parent))
        link.replace(path)
        flush_to_disk(path.parent)
    return version


def remove_old(path: Path, kept: int, pinned: Collection[int]) -> list[int]:
    """Remove all but the newest versions and those that a model names; returns what went. Who reads one goes on."""
    gone = [version for version in versions_in(path)[:-kept] if version not in pinned]
    for version in gone:
        version_file(path, version).unlink()
    return gone


@contextmanager
def _scratch(file: Path) -> Iterator[Path]:
    """A folder beside a version's file to write it in, which is removed with all that DuckDB lays in it.

    What a process that died left is removed by the next one, by its name: see `reservations`.
    """
    folder = hidden_beside(file)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _describe(
    connection: "DuckDBPyConnection", version: int, inputs: Inputs, features: Sequence[Feature], genres: Sequence[str]
) -> None:
    connection.execute(
        "CREATE TABLE _features (name VARCHAR, entity VARCHAR, type VARCHAR, description VARCHAR, owner VARCHAR, "
        '"check" VARCHAR, "after" VARCHAR, "at" VARCHAR, unseen DOUBLE)'
    )
    rows = [
        [f.name, f.entity.value, f.type, f.description, f.owner, f.check, f.after, f.at, f.unseen] for f in features
    ]
    connection.executemany("INSERT INTO _features VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute(
        "CREATE TABLE _store AS SELECT CAST($version AS INTEGER) AS version, ts - INTERVAL 1 SECOND AS as_of, "
        "CAST($inputs AS VARCHAR) AS inputs, CAST($code AS VARCHAR) AS code_version, "
        "CAST($genres AS VARCHAR[]) AS genres, CAST($identity AS VARCHAR) AS identity FROM newest",
        {
            "version": version,
            "inputs": json.dumps(inputs.versions),
            "code": code_version("reco_assets/features"),
            "genres": list(genres),
            "identity": _identity(connection),
        },
    )


def _identity(connection: "DuckDBPyConnection") -> str:
    found = blake2s(digest_size=8)
    rated = "SELECT user_id, movie_id, rating, epoch(ts) AS ts FROM interactions ORDER BY user_id, ts, movie_id"
    for values in connection.execute(rated).fetchnumpy().values():
        found.update(np.ascontiguousarray(values).data)
    for (movie,) in connection.execute("SELECT CAST(movies AS VARCHAR) FROM movies ORDER BY movie_id").fetchall():
        found.update(movie.encode())
    return found.hexdigest()


def _require_sound(
    connection: "DuckDBPyConnection", sources: Sources, features: Sequence[Feature], genres: Sequence[str]
) -> None:
    broken = broken_rules(connection, features, len(genres))
    if findings := [*broken, *looking_ahead(sources, features)]:
        raise FeatureCheckError(findings)


def _require_replaceable(path: Path) -> None:
    if os.path.lexists(path) and not path.is_symlink():
        raise FeatureStoreError(
            f"{path} is no link to a version of the feature store, so the platform did not make it. Move it away, or "
            "set FEATURE_STORE_PATH to another path."
        )
