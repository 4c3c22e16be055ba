"""Versions on disk: complete or not there, and one of them the champion."""

import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Annotation, MetricsRecord, StarsRecord
from reco_assets.models.versions import files as module
from reco_assets.models.versions.files import ModelStoreError, load_model, save_model
from reco_assets.models.versions.store import ModelStore
from resources.locking.reservations import NameTakenError

CONFIG = ModelConfig(ExplicitAls(2, 2, 0.1, 1), ImplicitAls(2, 2, 0.1, 1, 0.75), 3.5)
TRAIN = Ratings(np.array([1, 1, 2], np.int32), np.array([1, 2, 1], np.int32), np.array([5, 1, 4], np.float32))
MODEL = AlsRecommender.fit(TRAIN, CONFIG)
FIRST, SECOND, THIRD = "20250101_000001", "20250101_000002", "20250101_000003"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "als", ALS)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def champion_document(store: ModelStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((store.folder / "champion.json").read_text())
    return found


def test_a_loaded_version_answers_as_the_saved_model(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    users = np.array([1, 2, 3], np.int32)
    np.testing.assert_array_equal(store.load(FIRST).predict(users, users), MODEL.predict(users, users))
    np.testing.assert_array_equal(store.load(FIRST).recommend(users, 2).movie_id, MODEL.recommend(users, 2).movie_id)


def test_the_facts_hold_what_was_given_beside_version_mean_and_configuration(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {"engine": "embedded", "inputs": {"silver/train_ratings": 3}})
    facts = store.record(FIRST).document()
    assert facts["version"] == FIRST
    assert facts["inputs"] == {"silver/train_ratings": 3}
    assert store.record(FIRST).config == CONFIG
    assert facts["mean"] == MODEL.biases.mean


def test_a_version_consists_of_its_factors_and_its_facts(store: ModelStore) -> None:
    assert contents(store.save(FIRST, Trained(MODEL), {})) == [
        "MLmodel",
        "input_example.json",
        "item_factors.parquet",
        "model.json",
        "sample.json",
        "user_factors.parquet",
    ]
    assert contents(store.folder) == [FIRST]


def test_an_engine_that_holds_the_users_saves_its_own_files_beside_the_factors(store: ModelStore) -> None:
    def save(folder: Path) -> Mapping[str, Any]:
        (folder / "native").mkdir()
        return MODEL.save(folder)

    path = store.save(FIRST, Trained(MODEL, save), {})
    assert (path / "native").is_dir()
    assert store.load(FIRST).movie_ids.tolist() == [1, 2]


class DiskFullError(OSError):
    pass


def fail(*_: Any) -> None:
    raise DiskFullError


def fail_in_factors(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AlsRecommender, "save", fail)


def fail_in_facts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(module, "write_json", fail)


def fail_in_rename(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "rename", fail)


def fail_nowhere(patch: pytest.MonkeyPatch) -> None:
    """The engine's own files fail instead."""


@pytest.mark.parametrize(
    ("inject", "save"),
    [(fail_in_factors, None), (fail_nowhere, fail), (fail_in_facts, None), (fail_in_rename, None)],
    ids=["factors", "native files", "facts", "rename"],
)
def test_a_failure_in_any_phase_leaves_nothing_and_the_version_can_be_saved_again(
    store: ModelStore, inject: Callable[[pytest.MonkeyPatch], None], save: Callable[[Path], Mapping[str, Any]] | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        inject(patch)
        with pytest.raises(DiskFullError):
            store.save(FIRST, Trained(MODEL, save), {})
    assert contents(store.folder) == []
    assert store.versions() == []
    store.save(FIRST, Trained(MODEL), {})
    assert store.versions() == [FIRST]


def test_a_version_is_not_visible_before_its_last_file_is_written(store: ModelStore) -> None:
    seen: list[tuple[list[str], bool]] = []

    def save(folder: Path) -> Mapping[str, Any]:
        seen.append((store.versions(), store.path(FIRST).exists()))
        return MODEL.save(folder)

    store.save(FIRST, Trained(MODEL, save), {})
    assert seen == [([], False)]
    assert store.versions() == [FIRST]


def test_what_a_killed_run_left_is_no_version(store: ModelStore) -> None:
    def kill(folder: Path) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            store.save(FIRST, Trained(MODEL, kill), {})
    assert len(contents(store.folder)) == 1
    assert store.versions() == []
    with pytest.raises(ModelStoreError, match="no model yet"):
        store.latest()


def test_a_version_is_never_overwritten(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {"note": "kept"})
    with pytest.raises(ModelStoreError, match=f"{FIRST} exists already"):
        store.save(FIRST, Trained(MODEL), {"note": "lost"})
    assert store.record(FIRST).document()["note"] == "kept"


NOON = datetime(2025, 1, 1, 12, 0, 0, 999_999, UTC)


def test_a_new_version_is_the_utc_time(store: ModelStore) -> None:
    with store.new_version(moment=NOON) as (version, path):
        assert (version, path) == ("20250101_120000", store.path("20250101_120000"))


def test_versions_of_one_second_have_a_number_behind_the_time(store: ModelStore) -> None:
    made = []
    for _ in range(3):
        with store.new_version(moment=NOON) as (version, path):
            save_model(path, ALS, Trained(MODEL), {"version": version})
        made.append(version)
    assert made == ["20250101_120000", "20250101_120000_2", "20250101_120000_3"]
    assert contents(store.folder) == made


def test_a_version_that_is_being_trained_has_its_name_before_it_has_a_folder(store: ModelStore) -> None:
    with store.new_version(moment=NOON) as (first, _), store.new_version(moment=NOON) as (second, _):
        assert (first, second) == ("20250101_120000", "20250101_120000_2")
        assert store.versions() == []


def test_the_tenth_version_of_a_second_is_newer_than_the_second_one(store: ModelStore) -> None:
    for version in ("20250101_120000_10", "20250101_120001", "20250101_120000_2", "20250101_120000"):
        store.save(version, Trained(MODEL), {})
    assert store.versions() == ["20250101_120000", "20250101_120000_2", "20250101_120000_10", "20250101_120001"]
    assert store.latest() == "20250101_120001"


def test_a_folder_elsewhere_is_named_by_the_version_too(store: ModelStore, tmp_path: Path) -> None:
    output = str(tmp_path / "artifacts" / "version_{timestamp}")
    with store.new_version(output, NOON) as (_, first), store.new_version(output, NOON) as (_, second):
        assert [path.name for path in (first, second)] == ["version_20250101_120000", "version_20250101_120000_2"]


def test_a_folder_that_is_there_already_is_refused_before_anything_is_trained(
    store: ModelStore, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    with (
        pytest.raises(NameTakenError, match=r"mine exists already; nothing is overwritten\. Give another path"),
        store.new_version(str(tmp_path / "mine")),
    ):
        pytest.fail("there is nothing to train into")


def test_the_latest_version_is_the_one_trained_last(store: ModelStore) -> None:
    for version in (SECOND, FIRST):
        store.save(version, Trained(MODEL), {})
    assert store.versions() == [FIRST, SECOND]
    assert store.latest() == SECOND


def test_an_empty_store_says_how_to_train(store: ModelStore) -> None:
    with pytest.raises(ModelStoreError, match="reco train"):
        store.latest()


def test_before_the_first_promotion_there_is_no_champion(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    assert store.champion() is None


def test_promotion_names_the_champion_and_why(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    store.promote(FIRST, "beats both baselines")
    assert store.champion() == FIRST
    document = champion_document(store)
    assert (document["version"], document["previous"], document["reason"]) == (FIRST, None, "beats both baselines")
    assert document["promoted_ts"].endswith("Z")


def test_promotion_keeps_the_champion_before_it(store: ModelStore) -> None:
    for version in (FIRST, SECOND, THIRD):
        store.save(version, Trained(MODEL), {})
        store.promote(version, "better")
    assert store.champion() == THIRD
    assert champion_document(store)["previous"] == SECOND


def test_promoting_the_champion_again_does_not_forget_the_one_before_it(store: ModelStore) -> None:
    for version in (FIRST, SECOND, SECOND):
        if version not in store.versions():
            store.save(version, Trained(MODEL), {})
        store.promote(version, "better")
    assert champion_document(store)["previous"] == FIRST


def test_a_rollback_lets_champion_and_predecessor_change_places_and_back(store: ModelStore) -> None:
    for version in (FIRST, SECOND):
        store.save(version, Trained(MODEL), {})
        store.promote(version, "better")
    assert store.rollback() == FIRST
    assert (store.champion(), store.previous()) == (FIRST, SECOND)
    assert champion_document(store)["reason"] == f"rolled back from {SECOND}"
    assert store.rollback() == SECOND
    assert (store.champion(), store.previous()) == (SECOND, FIRST)


def test_without_a_predecessor_a_rollback_is_refused_with_what_to_do(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    store.promote(FIRST, "first")
    with pytest.raises(ModelStoreError, match=rf"{FIRST} has no predecessor.*reco model promote"):
        store.rollback()
    assert store.champion() == FIRST


def test_a_rollback_to_a_version_that_is_gone_leaves_the_champion(store: ModelStore) -> None:
    for version in (FIRST, SECOND):
        store.save(version, Trained(MODEL), {})
        store.promote(version, "better")
    shutil.rmtree(store.path(FIRST))
    with pytest.raises(ModelStoreError, match=FIRST):
        store.rollback()
    assert store.champion() == SECOND


def test_a_version_that_is_not_there_cannot_be_promoted(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    store.promote(FIRST, "good")
    with pytest.raises(ModelStoreError, match=THIRD):
        store.promote(THIRD, "gone")
    assert store.champion() == FIRST


def test_a_failed_promotion_leaves_the_champion_as_it_was(store: ModelStore) -> None:
    for version in (FIRST, SECOND):
        store.save(version, Trained(MODEL), {})
    store.promote(FIRST, "good")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(DiskFullError):
            store.promote(SECOND, "better")
    assert store.champion() == FIRST


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"{}", b"null", b'"20250101_000001"', b"\x80\xff\x00"],
    ids=["empty", "cut off", "a list", "no version", "null", "a string", "binary"],
)
def test_a_damaged_champion_file_is_named_with_the_way_out(store: ModelStore, damaged: bytes) -> None:
    store.save(FIRST, Trained(MODEL), {})
    (store.folder / "champion.json").write_bytes(damaged)
    with pytest.raises(ModelStoreError, match=rf"champion\.json is damaged.*{FIRST}") as caught:
        store.champion()
    assert "\n" not in str(caught.value)


def test_a_champion_that_is_gone_is_named_with_the_versions_there_are(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    (store.folder / "champion.json").write_text(json.dumps({"version": THIRD}))
    with pytest.raises(ModelStoreError, match=f"names {THIRD}, which is gone.*{FIRST}"):
        store.champion()


def metrics_of(rmse: float) -> Annotation:
    return Annotation(metrics=MetricsRecord(evaluation=StarsRecord(rmse=rmse)))


def test_metrics_are_added_and_the_rest_stays(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {"engine": "embedded"})
    before = store.record(FIRST).document()
    store.annotate(FIRST, metrics_of(0.8))
    assert store.record(FIRST).document() == before | {"metrics": {"evaluation": {"rmse": 0.8}}}
    store.annotate(FIRST, metrics_of(0.7))
    assert store.record(FIRST).document()["metrics"] == {"evaluation": {"rmse": 0.7}}


def test_a_failure_while_adding_metrics_leaves_the_facts_as_they_were(store: ModelStore) -> None:
    store.save(FIRST, Trained(MODEL), {})
    before = store.record(FIRST).document()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(DiskFullError):
            store.annotate(FIRST, metrics_of(0.8))
    assert store.record(FIRST).document() == before


def test_metrics_of_a_version_that_is_not_there_are_refused(store: ModelStore) -> None:
    with pytest.raises(ModelStoreError, match=THIRD):
        store.annotate(THIRD, metrics_of(0.8))


@pytest.mark.parametrize("damaged", [b"{", b"\x80\xff", b"[]", b"{}", b'{"config": {"rating": 1}, "mean": 3}'])
def test_a_version_with_damaged_facts_is_named(store: ModelStore, damaged: bytes) -> None:
    (store.save(FIRST, Trained(MODEL), {}) / "model.json").write_bytes(damaged)
    with pytest.raises(ModelStoreError, match=FIRST):
        store.load(FIRST)


@pytest.mark.parametrize("file", ["user_factors.parquet", "item_factors.parquet"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["missing", "damaged"])
def test_a_version_with_missing_or_damaged_factors_is_named(
    store: ModelStore, file: str, damage: Callable[[Path], None]
) -> None:
    damage(store.save(FIRST, Trained(MODEL), {}) / file)
    with pytest.raises(ModelStoreError, match=f"{FIRST} is no complete model version"):
        store.load(FIRST)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["user_factors.parquet", "item_factors.parquet"])
def test_a_single_changed_byte_in_the_factors_is_found_and_another_version_is_not_replaced_by_it(
    store: ModelStore, file: str
) -> None:
    for version in (FIRST, SECOND):
        store.save(version, Trained(MODEL), {})
    store.promote(FIRST, "good")
    flip_a_byte(store.path(SECOND) / file)
    for use in (store.load, store.verify, lambda version: store.promote(version, "better")):
        with pytest.raises(ModelStoreError, match=f"{SECOND} is no complete model version: {file} missing or not as"):
            use(SECOND)
    assert store.champion() == FIRST


@pytest.mark.parametrize("file", ["user_factors.parquet", "item_factors.parquet", "model.json"])
def test_a_champion_that_lacks_a_file_is_named_with_two_ways_out(store: ModelStore, file: str) -> None:
    for version in (FIRST, SECOND):
        store.save(version, Trained(MODEL), {})
        store.promote(version, "better")
    (store.path(SECOND) / file).unlink()
    with pytest.raises(ModelStoreError, match=rf"names {SECOND}, which lacks {file}.*reco model promote {SECOND}"):
        store.champion()
    assert store.rollback() == FIRST
    assert store.champion() == FIRST


def test_a_deleted_record_is_not_taken_for_a_store_that_never_had_a_champion(store: ModelStore) -> None:
    for version in (FIRST, SECOND):
        store.save(version, Trained(MODEL), {})
    store.promote(FIRST, "good")
    (store.folder / "champion.json").unlink()
    for ask in (store.champion, store.predecessor):
        with pytest.raises(ModelStoreError, match=rf"champion\.json is gone, although {FIRST}.*promote {FIRST}"):
            ask()
    store.promote(FIRST, "named again")
    assert store.champion() == FIRST


@pytest.mark.parametrize("content", ["{", '{"version": "20250101_000003", "previous": "20250101_000001"}'])
def test_another_version_can_be_promoted_whatever_became_of_the_champion(store: ModelStore, content: str) -> None:
    store.save(FIRST, Trained(MODEL), {})
    (store.folder / "champion.json").write_text(content)
    store.promote(FIRST, "by hand")
    assert store.champion() == FIRST


def test_a_version_saved_before_checksums_were_recorded_still_loads(store: ModelStore) -> None:
    path = store.save(FIRST, Trained(MODEL), {})
    facts = store.record(FIRST).document()
    del facts["files"]
    (path / "model.json").write_text(json.dumps(facts))
    store.verify(FIRST)
    assert store.load(FIRST).movie_ids.tolist() == [1, 2]


def test_a_model_can_be_saved_to_and_loaded_from_any_folder(tmp_path: Path) -> None:
    save_model(tmp_path / "deep" / "folder", ALS, Trained(MODEL), {"note": "elsewhere"})
    assert load_model(tmp_path / "deep" / "folder", ALS).movie_ids.tolist() == [1, 2]


def test_fields_that_this_release_does_not_know_stay_when_something_is_added(store: ModelStore) -> None:
    path = store.save(FIRST, Trained(MODEL), {"note": "kept"}) / "model.json"
    facts = json.loads(path.read_text())
    facts["config"]["later"] = 1
    path.write_text(json.dumps(facts | {"metrics": {"evaluation": {"rmse": 0.8, "later": 2}}}))
    store.annotate(FIRST, Annotation(decision="promoted"))
    written = json.loads(path.read_text())
    assert (written["note"], written["config"]["later"], written["decision"]) == ("kept", 1, "promoted")
    assert written["metrics"] == {"evaluation": {"rmse": 0.8, "later": 2}}


def test_a_version_that_says_explicit_by_an_alpha_of_zero_still_loads(store: ModelStore) -> None:
    path = store.save(FIRST, Trained(MODEL), {}) / "model.json"
    facts = json.loads(path.read_text())
    facts["config"]["rating"]["alpha"] = 0.0
    path.write_text(json.dumps(facts))
    assert store.record(FIRST).config == CONFIG
    users = np.array([1, 2, 3], np.int32)
    np.testing.assert_array_equal(store.load(FIRST).predict(users, users), MODEL.predict(users, users))
