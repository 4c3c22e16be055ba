"""What the feature store brings to a training and to a judgement."""

import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.features.run import STORE, compute_store
from reco_assets.features.store import FeatureStoreError, store_path
from reco_assets.models.ncf.data import held_out, read
from reco_assets.models.record import Inputs
from reco_assets.tables import SILVER_MOVIES, SILVER_RATINGS
from resources.tables.lakehouse import Lakehouse

START = datetime(2020, 1, 1, tzinfo=UTC)
RATED = [(1, 10, 5.0, 1), (1, 20, 4.0, 2), (1, 30, 2.0, 3), (2, 10, 4.5, 1), (2, 30, 4.0, 5)]  # user, movie, stars, day


def fill(lakehouse: Lakehouse, rated: list[tuple[int, int, float, int]]) -> None:
    users, movies, stars, days = zip(*rated, strict=True)
    moments = [START + timedelta(days=day) for day in days]
    ratings = {
        "user_id": pa.array(users, pa.int32()),
        "movie_id": pa.array(movies, pa.int32()),
        "rating": pa.array(stars, pa.float32()),
        "rating_ts": pa.array(moments, pa.timestamp("us", tz="UTC")),
        "year": pa.array([2020] * len(users), pa.int32()),
        "month": pa.array([1] * len(users), pa.int32()),
    }
    known = {
        "movie_id": pa.array([10, 20, 30, 40], pa.int32()),
        "title": ["Heat", "Toys", "Run", "Nobody rated it"],
        "genres_string": ["Action", "Comedy", "Action", "Comedy"],
        "genres": pa.array([["Action"], ["Comedy"], ["Action"], ["Comedy"]], pa.list_(pa.string())),
        "release_year": pa.array([1995, 1992, 1998, 2001], pa.int32()),
    }
    lakehouse.write(SILVER_RATINGS, pa.table(ratings))
    lakehouse.write(SILVER_MOVIES, pa.table(known))


def test_each_users_latest_liked_movie_is_held_out_and_never_learned_from(lakehouse: Lakehouse) -> None:
    fill(lakehouse, RATED)
    version = compute_store(lakehouse).version
    data, held = read(lakehouse, None), held_out(lakehouse, None)
    assert data.inputs == held.inputs
    assert data.inputs[STORE] == version
    assert list(zip(held.ratings.user_id, held.ratings.movie_id, strict=True)) == [(1, 20), (2, 30)]
    learned = set(zip(data.ratings.user_id.tolist(), data.ratings.movie_id.tolist(), strict=True))
    assert learned == {(1, 10), (1, 30), (2, 10)}
    assert list(held.rivals(held.known)) == ["implicit_als"]


def test_a_version_is_read_again_from_the_store_it_names(lakehouse: Lakehouse) -> None:
    fill(lakehouse, RATED)
    first = compute_store(lakehouse).version
    fill(lakehouse, [*RATED, (1, 40, 5.0, 9)])
    compute_store(lakehouse)
    assert held_out(lakehouse, {STORE: first}).ratings.movie_id.tolist() == [20, 30]
    assert held_out(lakehouse, None).ratings.movie_id.tolist() == [40, 30]
    assert read(lakehouse, {STORE: first}).inputs[STORE] == first


def test_another_store_under_the_same_number_is_told_apart_and_the_same_one_made_again_is_not(
    lakehouse: Lakehouse,
) -> None:
    recorded = list[Inputs]()
    for rated in (RATED, RATED, [*RATED[:-1], (2, 40, 4.0, 5)]):
        fill(lakehouse, rated)
        compute_store(lakehouse)
        recorded.append(read(lakehouse, None).inputs)
        shutil.rmtree(store_path(lakehouse.settings).parent)
    assert [inputs[STORE] for inputs in recorded] == [1, 1, 1]
    assert recorded[0] == recorded[1] != recorded[2]


def test_only_a_new_version_goes_on_from_checkpoints_and_one_that_is_made_again_starts_anew(
    lakehouse: Lakehouse,
) -> None:
    fill(lakehouse, RATED)
    inputs: Inputs = {STORE: compute_store(lakehouse).version}
    assert read(lakehouse, None).own.checkpoints is not None
    assert read(lakehouse, inputs).own.checkpoints is None


def test_movies_are_described_by_what_no_rating_changes(lakehouse: Lakehouse) -> None:
    fill(lakehouse, RATED)
    compute_store(lakehouse)
    before = read(lakehouse, None).own.describe()
    fill(lakehouse, [(user, movie, 0.5, day) for user, movie, _, day in (*RATED, (3, 20, 1.0, 2))])
    compute_store(lakehouse)
    after = read(lakehouse, None).own.describe()
    assert after.movie_ids.tolist() == [10, 20, 30, 40]
    assert after.features.shape == (4, 3)  # age and two genres
    np.testing.assert_array_equal(after.features, before.features)


def test_without_a_store_the_error_says_how_to_get_one(lakehouse: Lakehouse) -> None:
    with pytest.raises(FeatureStoreError, match="reco features compute"):
        read(lakehouse, None)
