"""A version may have its users in parts, and can be loaded for some of them, to whom it answers as the whole does."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import ITEMS_FILE, USERS_FILE, AlsRecommender
from reco_assets.models.interface import Family, Recommender, Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.backup import back_up, restore
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.settings import Settings

FIRST = "20250101_000001"
SOME = np.array([2, 7, 11], np.int32)
STRANGERS = np.array([3, 999], np.int32)


@dataclass(frozen=True)
class InParts(AlsRecommender):
    """Saves its users in three files, as an engine of several processes does."""

    def save(self, folder: Path) -> Mapping[str, Any]:
        facts = super().save(folder)
        users = any_length(pq.read_table(folder / USERS_FILE))
        (folder / USERS_FILE).unlink()
        (folder / USERS_FILE).mkdir()
        for part in range(3):
            rows = users.take(np.flatnonzero(np.arange(len(users)) % 3 == part))
            pq.write_table(rows, folder / USERS_FILE / f"part-{part:05}.parquet")
        return facts


def any_length(users: pa.Table) -> pa.Table:
    """The same with lists whose type doesn't say how long they are, as of Spark."""
    lists = {name: users[name].cast(pa.list_(pa.float32())) for name in ("rating_factors", "ranking_factors")}
    return pa.table({"user_id": users["user_id"], "bias": users["bias"], **lists})


def assert_answers_as(some: Recommender, whole: Recommender, users: np.ndarray) -> None:
    movies = np.resize(whole.movie_ids, len(users))
    np.testing.assert_array_equal(some.predict(users, movies), whole.predict(users, movies))
    rated = Ratings(users, movies, np.ones(len(users), np.float32))
    now, then = some.recommend(users, 4, rated), whole.recommend(users, 4, rated)
    np.testing.assert_array_equal(now.movie_id, then.movie_id)
    np.testing.assert_allclose(now.score, then.score, rtol=1e-6)


@pytest.fixture(params=[AlsRecommender, InParts], ids=["one file", "in parts"])
def store(request: pytest.FixtureRequest, store_settings: Settings, tiny_model: AlsRecommender) -> ModelStore:
    made = model_store(store_settings, ALS)
    own = {
        each.name: getattr(tiny_model, each.name) for each in fields(tiny_model)
    }  # not what other tests cached in it
    made.save(FIRST, Trained(request.param(**own)), {})
    return made


@pytest.fixture
def in_parts(store_settings: Settings, tiny_model: AlsRecommender) -> ModelStore:
    made = model_store(store_settings, ALS)
    made.save(FIRST, Trained(InParts(**vars(tiny_model))), {})
    return made


def test_a_version_answers_for_all_users_however_they_are_kept(store: ModelStore, tiny_model: AlsRecommender) -> None:
    loaded = store.load(FIRST)
    np.testing.assert_array_equal(loaded.user_ids, tiny_model.user_ids)
    assert_answers_as(loaded, tiny_model, np.append(tiny_model.user_ids, STRANGERS))


def test_a_version_loaded_for_some_users_answers_to_them_as_the_whole(
    store: ModelStore, tiny_model: AlsRecommender
) -> None:
    loaded = store.load_users(FIRST, SOME)
    assert loaded.user_ids.tolist() == SOME.tolist()
    assert_answers_as(loaded, tiny_model, SOME)
    assert not loaded.knows(STRANGERS, tiny_model.movie_ids[:2]).any()


def test_a_version_can_be_loaded_for_nobody_and_then_all_are_strangers(store: ModelStore) -> None:
    loaded = store.load_users(FIRST, np.array([999], np.int32))
    assert len(loaded.user_ids) == 0
    assert loaded.recommend(SOME, 3).movie_id.shape == (3, 3)


@pytest.mark.parametrize("load", [ModelStore.load, lambda store, version: store.load_users(version, SOME)])
def test_items_that_are_not_as_saved_are_found(store: ModelStore, load: Any) -> None:
    (store.path(FIRST) / ITEMS_FILE).write_bytes(b"PAR1")
    with pytest.raises(ModelStoreError, match=f"{FIRST} is no complete model version: {ITEMS_FILE} missing or not as"):
        load(store, FIRST)


def test_a_family_without_a_side_of_users_is_loaded_whole(store_settings: Settings, toy: Family) -> None:
    ratings = Ratings(SOME, SOME, np.ones(3, np.float32))
    store = model_store(store_settings, toy)
    store.save(FIRST, Trained(toy.fit(ratings, toy.configure(store_settings), None).model), {})
    assert store.load_users(FIRST, SOME[:1]).user_ids.tolist() == SOME.tolist()


def test_a_part_that_was_changed_or_lost_is_named(in_parts: ModelStore) -> None:
    (in_parts.path(FIRST) / USERS_FILE / "part-00001.parquet").write_bytes(b"PAR1")
    (in_parts.path(FIRST) / USERS_FILE / "part-00002.parquet").unlink()
    for use in (in_parts.load, in_parts.verify):
        with pytest.raises(ModelStoreError, match=rf"{USERS_FILE}/part-00001\S+ {USERS_FILE}/part-00002\S+ missing or"):
            use(FIRST)


def test_a_version_whose_parts_are_all_gone_is_incomplete(in_parts: ModelStore) -> None:
    for part in (in_parts.path(FIRST) / USERS_FILE).iterdir():
        part.unlink()
    assert in_parts.versions() == []
    with pytest.raises(ModelStoreError, match=f"{USERS_FILE} missing"):
        in_parts.load_users(FIRST, SOME)


def test_a_backup_holds_the_parts_and_brings_a_lost_one_back(in_parts: ModelStore, store_settings: Settings) -> None:
    in_parts.promote(FIRST, "good")
    back_up(store_settings, ALS)
    lost = f"{USERS_FILE}/part-00001.parquet"
    (in_parts.path(FIRST) / lost).unlink()
    assert restore(in_parts, FIRST) == [lost]
    in_parts.verify(FIRST)


@given(chosen=st.permutations(range(12)).flatmap(lambda order: st.integers(1, 12).map(lambda many: order[:many])))
def test_rows_of_any_users_in_any_order_make_a_model_that_answers_to_them_as_the_whole(
    chosen: list[int], tiny_model: AlsRecommender, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "sides"
    if not folder.exists():
        folder.mkdir()
        tiny_model.save(folder)
    users, items = pq.read_table(folder / USERS_FILE), pq.read_table(folder / ITEMS_FILE)
    rows = any_length(users.take(chosen))
    made = AlsRecommender.of_sides(rows, items, tiny_model.config, tiny_model.biases.mean)
    assert made.user_ids.tolist() == sorted(rows["user_id"].to_pylist())
    assert_answers_as(made, tiny_model, made.user_ids)
