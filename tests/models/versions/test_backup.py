"""What a backup pins, what a rollback restores, and what either says where it cannot."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.serving import backup_current_model, compare_models, rollback_model
from reco_assets.models.versions.backup import read_backup, restore, roll_back
from reco_assets.models.versions.checksums import checksums
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.settings import Settings

FIRST, SECOND, THIRD = "20250101_000001", "20250101_000002", "20250101_000003"
Save = Callable[..., None]


@pytest.fixture
def store(store_settings: Settings) -> ModelStore:
    return model_store(store_settings, ALS)


@pytest.fixture
def champion(store: ModelStore, save_version: Save) -> str:
    save_version(FIRST)
    store.promote(FIRST, "first")
    return FIRST


def damage(path: Path) -> None:
    path.write_bytes(b"PAR1" + path.read_bytes()[4:-1] + b"?")


def test_a_backup_pins_the_files_and_the_delta_versions_of_the_champion(
    store: ModelStore, champion: str, store_settings: Settings
) -> None:
    done = backup_current_model(store_settings)
    backup = read_backup(store)
    assert backup is not None
    assert (done["version"], backup.version) == (champion, champion)
    assert backup.inputs == {"silver/train_ratings": 3, "silver/test_ratings": 4}
    files = checksums(store.path(champion))
    del files["model.json"]
    assert backup.files == files
    assert checksums(Path(done["path"])) == checksums(store.path(champion))


def test_without_a_champion_there_is_nothing_to_back_up_or_to_roll_back_to(
    store: ModelStore, store_settings: Settings
) -> None:
    assert backup_current_model(store_settings)["version"] is None
    assert read_backup(store) is None
    assert rollback_model(store_settings)["champion"] is None


def test_a_backup_is_no_version_and_the_next_one_takes_its_place(
    store: ModelStore, champion: str, save_version: Save, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    save_version(SECOND)
    store.promote(SECOND, "better")
    backup_current_model(store_settings)
    assert store.versions() == [FIRST, SECOND]
    assert sorted(path.name for path in (store.folder / "_backup").iterdir()) == [SECOND, "backup.json"]


def test_a_damaged_champion_is_not_backed_up_and_the_backup_before_stays(
    store: ModelStore, champion: str, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    damage(store.path(champion) / "user_factors.parquet")
    with pytest.raises(ModelStoreError, match=r"user_factors\.parquet missing or not as saved"):
        backup_current_model(store_settings)
    assert restore(store, champion) == ["user_factors.parquet"]


def test_a_rollback_after_a_rejected_candidate_leaves_the_champion_and_says_that_its_files_are_whole(
    store: ModelStore, champion: str, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    done = rollback_model(store_settings)
    assert (done["champion"], done["changed"], done["restored"]) == (champion, False, [])
    assert done["reason"] == f"{champion} serves on, its files are as they were"


def test_a_rollback_after_a_promotion_lets_the_champion_of_the_backup_serve_again(
    store: ModelStore, champion: str, save_version: Save, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    save_version(SECOND)
    store.promote(SECOND, "better")
    done = rollback_model(store_settings)
    assert (done["champion"], done["changed"]) == (champion, True)
    assert (store.champion(), store.previous()) == (FIRST, SECOND)


@pytest.mark.parametrize("name", ["user_factors.parquet", "item_factors.parquet", "sample.json", "model.json"])
@pytest.mark.parametrize("harm", [Path.unlink, damage], ids=["missing", "damaged"])
def test_a_rollback_brings_back_every_file_that_is_missing_or_damaged(
    store: ModelStore, champion: str, store_settings: Settings, name: str, harm: Callable[[Path], None]
) -> None:
    backup_current_model(store_settings)
    harm(store.path(champion) / name)
    done = rollback_model(store_settings)
    assert (done["champion"], done["restored"]) == (champion, [name])
    store.verify(champion)
    store.load(champion)


def test_a_rollback_brings_back_a_version_whose_folder_is_gone(
    store: ModelStore, champion: str, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    before = checksums(store.path(champion))
    shutil.rmtree(store.path(champion))
    assert rollback_model(store_settings)["restored"] == sorted(before)
    assert checksums(store.path(champion)) == before


def test_where_the_backup_is_damaged_too_the_message_names_both_and_another_way(
    store: ModelStore, champion: str, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    for folder in (store.path(champion), store.folder / "_backup" / champion):
        damage(folder / "user_factors.parquet")
    with pytest.raises(ModelStoreError, match=r"lacks user_factors\.parquet.*damaged too.*reco model promote VERSION"):
        rollback_model(store_settings)


def test_a_champion_without_a_backup_cannot_be_rolled_back_to_and_the_message_says_how_to_make_one(
    champion: str, store_settings: Settings
) -> None:
    with pytest.raises(ModelStoreError, match="reco run --function backup_current_model"):
        rollback_model(store_settings)


def test_a_damaged_backup_record_is_named_with_the_way_out(
    store: ModelStore, champion: str, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    (store.folder / "_backup" / "backup.json").write_text("{}")
    with pytest.raises(ModelStoreError, match=r"backup\.json is damaged"):
        rollback_model(store_settings)


def test_by_hand_a_rollback_goes_to_the_predecessor_and_brings_its_files_back(
    store: ModelStore, champion: str, save_version: Save, store_settings: Settings
) -> None:
    backup_current_model(store_settings)
    save_version(SECOND)
    store.promote(SECOND, "better")
    (store.path(FIRST) / "item_factors.parquet").unlink()
    assert roll_back(store_settings, ALS) == FIRST
    assert (store.champion(), store.previous()) == (FIRST, SECOND)


@pytest.mark.parametrize("lost", [Path.unlink, lambda path: path.write_text("{")], ids=["gone", "damaged"])
def test_by_hand_a_rollback_restores_a_lost_record_from_the_backup(
    store: ModelStore, champion: str, store_settings: Settings, lost: Callable[[Path], None]
) -> None:
    backup_current_model(store_settings)
    lost(store.folder / "champion.json")
    with pytest.raises(ModelStoreError, match=rf"champion\.json is .*{FIRST}"):
        store.champion()
    assert roll_back(store_settings, ALS) == FIRST
    assert store.champion() == FIRST


def test_the_newest_candidate_is_compared_by_what_its_evaluation_found(
    store: ModelStore, save_version: Save, store_settings: Settings
) -> None:
    save_version(FIRST)
    save_version(SECOND, FIRST, promote=False)
    found = compare_models(store_settings)
    assert (found["candidate"], found["champion"], found["promote"]) == (SECOND, FIRST, False)
    assert found["next_task"] == "rollback_model"
    assert found["reason"].startswith("rejected")


def test_a_model_trained_on_given_files_is_no_candidate(
    store: ModelStore, save_version: Save, store_settings: Settings
) -> None:
    save_version(FIRST)
    save_version(SECOND)
    facts = store.record(SECOND).document()
    del facts["dagster_run_id"]
    (store.path(SECOND) / "model.json").write_text(json.dumps(facts))
    assert compare_models(store_settings)["candidate"] == FIRST


def test_a_candidate_that_was_not_judged_cannot_be_compared(save_version: Save, store_settings: Settings) -> None:
    with pytest.raises(ModelStoreError, match="no candidate"):
        compare_models(store_settings)
    save_version(FIRST, metrics={})
    with pytest.raises(ModelStoreError, match=f"{FIRST} was not compared.*reco evaluate"):
        compare_models(store_settings)
