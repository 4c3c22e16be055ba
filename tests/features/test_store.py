"""What readers of the feature store get: features just before a moment, in the order that they ask in."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from reco_assets.features.run import compute_store
from reco_assets.features.store import FeatureStore, FeatureStoreError
from resources.databases import DatabaseError
from tests.features.conftest import Fill, day


def at(*days: float) -> np.ndarray:
    return np.array([np.datetime64(day(each).replace(tzinfo=None), "s") for each in days])


@pytest.fixture
def store(fill: Fill) -> FeatureStore:
    rated = [(1, 10, 5.0, 0), (1, 20, 2.0, 30), (2, 10, 4.0, 1)]
    return FeatureStore.open(compute_store(fill(rated)).path)


def test_interactions_are_the_ratings_by_user_and_time(store: FeatureStore) -> None:
    rows = [tuple(row.values())[:3] for row in store.interactions().to_pylist()]
    assert rows == [(1, 10, 5.0), (1, 20, 2.0), (2, 10, 4.0)]


def test_a_feature_does_not_see_what_happens_in_the_second_that_is_asked_for(store: FeatureStore) -> None:
    second = 1 / 86_400
    found = store.features_at("user", np.array([1, 1, 1]), at(30, 30 + second, 0))
    assert found["user_ratings"].to_pylist() == [1, 2, 0]


def test_a_mean_starts_from_three_and_a_half_stars(store: FeatureStore) -> None:
    found = store.features_at("movie", np.array([10, 20]), at(2, 2))
    assert found["movie_mean_rating"].to_pylist() == pytest.approx([(9 + 17.5) / 7, 3.5])


def test_what_is_recent_counts_half_after_thirty_days(store: FeatureStore) -> None:
    found = store.features_at("user", np.array([1]), at(60))
    assert found["user_recent_ratings"].to_pylist() == pytest.approx([0.25 + 0.5])
    assert found["user_recency"].to_pylist() == pytest.approx([0.5])


def test_nobody_and_no_movie_that_is_not_known_has_no_past(store: FeatureStore) -> None:
    (row,) = store.features_at("user_movie", np.array([[7, 99]]), at(60)).to_pylist()
    assert {name: row[name] for name in row if name.startswith("pair")} == {
        "pair_views": 0,
        "pair_clicks": 0,
        "pair_genre_share": 0.0,
        "pair_genre_taste": 0.0,
    }


def test_vectors_have_a_column_for_each_genre(store: FeatureStore) -> None:
    found = store.vectors("movie", np.array([20, 10]), at(1, 1))
    columns = [found.names.index(f"movie_genres[{genre}]") for genre in ("Action", "Comedy", "Crime")]
    assert found.values[:, columns].tolist() == [[0, 1, 0], [1, 0, 1]]
    assert found.values.dtype == np.float32


def test_the_newest_features_have_seen_everything(store: FeatureStore) -> None:
    assert store.newest("user", np.array([2, 1]))["user_ratings"].to_pylist() == [1, 2]


def test_training_examples_know_what_was_known_just_before_each_rating(store: FeatureStore) -> None:
    rows = store.training_examples().to_pylist()
    assert [(row["user_ratings"], row["movie_ratings"]) for row in rows] == [(0, 0), (1, 0), (0, 1)]


def test_who_asks_for_nobody_gets_no_row_and_every_column(store: FeatureStore) -> None:
    nothing = store.vectors("user_movie", np.zeros((0, 2), np.int64), at())
    assert nothing.values.shape == (0, len(nothing.names)) == (0, 4)


def test_a_moment_within_a_second_is_that_second(store: FeatureStore) -> None:
    moments = at(30).astype("datetime64[ms]") + np.timedelta64(999, "ms")
    assert store.features_at("user", np.array([1]), moments)["user_ratings"].to_pylist() == [1]


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    other, damaged = tmp_path / "other.duckdb", tmp_path / "damaged.duckdb"
    duckdb.connect(other).close()
    damaged.write_bytes(b"no database" * 2_000)
    with pytest.raises(FeatureStoreError, match=r"other\.duckdb holds no feature store"):
        FeatureStore.open(other)
    with pytest.raises(DatabaseError, match=r"damaged\.duckdb can't be read: .* Move it away"):
        FeatureStore.open(damaged)


def test_a_store_of_an_older_release_is_told_with_what_to_do(tmp_path: Path) -> None:
    older = tmp_path / "older.duckdb"
    with duckdb.connect(older) as connection:
        connection.execute("CREATE TABLE _store AS SELECT 1 AS version")
        connection.execute("CREATE TABLE _features (name VARCHAR, entity VARCHAR)")
    with pytest.raises(FeatureStoreError, match=r"one that an older release computed\. .* reco features compute"):
        FeatureStore.open(older)


def test_what_was_never_computed_is_told_with_what_to_do(fill: Fill) -> None:
    lakehouse = fill([(1, 10, 5.0, 0)])
    with pytest.raises(FeatureStoreError, match="reco features compute"):
        FeatureStore.open(lakehouse.path("features", "feature_store.duckdb"))
