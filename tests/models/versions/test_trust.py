"""What lies in the store may be of others: ids are no paths, fields have their types, links lead nowhere."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reco_assets.batches.receipt_files import copy_path
from reco_assets.drift.claims import claim
from reco_assets.drift.reports import read_report, reports_folder
from reco_assets.maintenance.models import remove_superseded
from reco_assets.models.als.family import ALS
from reco_assets.models.record import Annotation
from reco_assets.models.serving import backup_current_model, find_current_model, rollback_model
from reco_assets.models.versions.backup import read_backup, roll_back
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.errors import RecoError
from resources.paths.identifiers import identifier
from resources.settings import Settings

FIRST, SECOND = "20250101_000001", "20250101_000002"
Save = Callable[..., None]
NO_IDS = ["../../x", "/etc", "..", "", "a/b", "a\\b", "a\0b", ".hidden", "-", "a b", "é", "x" * 200, "a\n", "%2e%2e"]


@pytest.fixture
def store(store_settings: Settings, save_version: Save) -> ModelStore:
    """Two versions, the second one promoted over the first."""
    store = model_store(store_settings, ALS)
    for version in (FIRST, SECOND):
        save_version(version)
        store.promote(version, "better")
    return store


@pytest.fixture
def outside(tmp_path: Path, store: ModelStore) -> Path:
    """A whole model, but not one of the store: a copy at the place that `../../../../x` leads to."""
    place = (store.folder / "../../../../x").resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(store.path(FIRST), place)
    return place


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("name", NO_IDS)
def test_what_is_no_id_never_becomes_a_path(name: str, store: ModelStore, store_settings: Settings) -> None:
    asked: list[Callable[[], Any]] = [
        lambda: store.path(name),
        lambda: store.record(name),
        lambda: store.promote(name, "by hand"),
        lambda: read_report(store_settings, name),
        lambda: claim(store_settings, name, "me"),
        lambda: copy_path(store_settings.storage.root, name),
    ]
    for ask in asked:
        with pytest.raises(RecoError, match="is no id") as raised:
            ask()
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", [FIRST, f"version_{FIRST}_12", "0f" * 32, f"{'0f' * 32}+2", "champion"])
def test_the_ids_that_the_platform_makes_are_ids(name: str) -> None:
    assert identifier(name, "it") == name


BAD_RECORDS: dict[str, tuple[dict[str, Any], str]] = {
    "a version elsewhere": ({"version": "../../../../x"}, "version"),
    "an absolute version": ({"version": "/x"}, "version"),
    "a version that is a number": ({"version": 20250101}, "version"),
    "a version that is a list": ({"version": [FIRST]}, "version"),
    "no version": ({"version": None}, "version"),
    "a predecessor elsewhere": ({"previous": "../../../../x"}, "previous"),
    "a reason that is an object": ({"reason": {}}, "reason"),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_a_champion_record_with_anything_else_is_refused_by_file_and_field_and_nothing_is_served_or_written(
    case: str, store: ModelStore, store_settings: Settings, outside: Path
) -> None:
    fields, named = BAD_RECORDS[case]
    change(store.folder / "champion.json", **fields)
    before = content(store.folder), content(outside)
    for ask in (store.champion, store.rollback, lambda: find_current_model(store_settings)):
        with pytest.raises(ModelStoreError, match=rf"champion\.json is damaged \({named}") as raised:
            ask()
        assert "\n" not in str(raised.value)
    with pytest.raises(ModelStoreError, match=rf"champion\.json is damaged \({named}"):
        backup_current_model(store_settings)
    assert (content(store.folder), content(outside)) == before


BAD_MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "a version elsewhere": ({"version": "../../x"}, "version"),
    "a mean that is a string": ({"mean": "3.5"}, "mean"),
    "a mean that is no number": ({"mean": float("nan")}, "mean"),
    "a configuration that is a list": ({"config": []}, "config"),
    "a rank that is a string": ({"config": {"rating": {"rank": "4"}}}, r"config\.rating\.rank"),
    "a file elsewhere": ({"files": {"../../x": "0" * 64}}, "files"),
    "an absolute file": ({"files": {"/etc/passwd": "0" * 64}}, "files"),
    "a checksum that is none": ({"files": {"user_factors.parquet": "sure"}}, "files"),
    "files that are a list": ({"files": ["user_factors.parquet"]}, "files"),
    "inputs that are a number": ({"inputs": 3}, "inputs"),
    "an input at half a version": ({"inputs": {"silver/train_ratings": 1.5}}, "inputs"),
    "an engine that is none": ({"engine": "sh"}, "engine"),
    "a promotion that is a word": (
        {"metrics": {"comparison": {"champion": None, "promote": "yes", "reason": "", "next_task": ""}}},
        r"metrics\.comparison\.promote",
    ),
    "a comparison with a version elsewhere": (
        {"metrics": {"comparison": {"champion": "../x", "promote": True, "reason": "", "next_task": ""}}},
        r"metrics\.comparison\.champion",
    ),
    "figures that are words": ({"metrics": {"evaluation": {"rmse": "low"}}}, r"metrics\.evaluation\.rmse"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_model_document_with_anything_else_is_refused_by_file_and_field(case: str, store: ModelStore) -> None:
    fields, named = BAD_MODELS[case]

    def annotate(version: str) -> None:
        store.annotate(version, Annotation(decision="good"))

    change(store.path(SECOND) / "model.json", **fields)
    for ask in (store.record, store.load, store.verify, annotate):
        with pytest.raises(ModelStoreError, match=rf"{SECOND}/model\.json is damaged \({named}") as raised:
            ask(SECOND)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, "\xff"])
def test_what_is_no_document_is_refused_by_its_file(text: str, store: ModelStore) -> None:
    (store.path(SECOND) / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelStoreError, match=rf"{SECOND}/model\.json is damaged"):
        store.load(SECOND)


@pytest.mark.parametrize(
    "fields", [{"version": "../../../../x"}, {"files": {"../../../../../x/y": "0" * 64}}, {"files": 3}, {"inputs": []}]
)
def test_a_backup_record_that_leads_elsewhere_restores_nothing(
    fields: dict[str, Any], store: ModelStore, store_settings: Settings, outside: Path
) -> None:
    backup_current_model(store_settings)
    change(store.folder / "_backup" / "backup.json", **fields)
    before = content(store.folder), content(outside)
    asked = lambda: read_backup(store), lambda: rollback_model(store_settings), lambda: roll_back(store_settings, ALS)
    for ask in asked:
        with pytest.raises(ModelStoreError, match=rf"backup\.json is damaged \({next(iter(fields))}"):
            ask()
    assert (content(store.folder), content(outside)) == before


def test_a_link_in_place_of_a_version_is_none_and_nothing_is_written_through_it(
    store: ModelStore, store_settings: Settings, outside: Path
) -> None:
    linked = "20250101_000009"
    (store.folder / linked).symlink_to(outside)
    before = content(outside)
    assert store.versions() == [FIRST, SECOND]
    assert store.latest() == SECOND
    for ask in (store.load, store.record, store.verify, lambda version: store.promote(version, "by hand")):
        with pytest.raises(ModelStoreError, match=f"{linked} is a link"):
            ask(linked)
    assert content(outside) == before
    assert store.champion() == SECOND


@pytest.mark.parametrize("name", ["user_factors.parquet", "model.json", "sample.json"])
def test_a_link_in_place_of_a_versions_file_is_not_followed(name: str, store: ModelStore, outside: Path) -> None:
    path = store.path(SECOND) / name
    path.unlink()
    path.symlink_to(outside / name)
    for ask in (store.load, store.verify):
        with pytest.raises(ModelStoreError, match=f"{name}.* is a link"):
            ask(SECOND)


def test_a_backup_is_not_restored_through_a_folder_that_is_a_link(
    store: ModelStore, store_settings: Settings, tmp_path: Path
) -> None:
    backup_current_model(store_settings)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (store.path(SECOND) / "native").symlink_to(elsewhere)
    (store.path(SECOND) / "user_factors.parquet").unlink()
    with pytest.raises(ModelStoreError, match="native is a link"):
        rollback_model(store_settings)
    assert list(elsewhere.iterdir()) == []


def test_a_backup_folder_that_is_a_link_is_not_cleared(
    store: ModelStore, store_settings: Settings, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "mine"
    (elsewhere / "photos").mkdir(parents=True)
    (store.folder / "_backup").symlink_to(elsewhere)
    with pytest.raises(ModelStoreError, match="_backup is a link"):
        backup_current_model(store_settings)
    assert [path.name for path in elsewhere.iterdir()] == ["photos"]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_nothing_is_cleared_or_removed_where_the_stores_folder_is_a_link(
    depth: int, store: ModelStore, store_settings: Settings, tmp_path: Path
) -> None:
    path = store_settings.storage.root.joinpath(*("gold", "models", "als")[:depth])
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    before = content(tmp_path / "elsewhere")
    keep_one = store_settings.changed(model_versions_kept=1)
    for ask in (backup_current_model, remove_superseded):
        with pytest.raises(RecoError, match=path.name):
            ask(keep_one)
    assert content(tmp_path / "elsewhere") == before


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_no_record_and_is_not_waited_for(make: Callable[[Path], None], store: ModelStore) -> None:
    (store.folder / "champion.json").unlink()
    make(store.folder / "champion.json")
    with pytest.raises(ModelStoreError, match=r"champion\.json is damaged"):
        store.champion()


@pytest.mark.parametrize("fields", [{"report_id": "../x"}, {"should_retrain": "yes"}, {"reason": None}])
def test_a_drift_report_with_anything_else_decides_nothing(fields: dict[str, Any], store_settings: Settings) -> None:
    folder = reports_folder(store_settings)
    folder.mkdir(parents=True)
    report = {"report_id": "r1", "should_retrain": True, "reason": "so", "drift_score": 1.4} | fields
    (folder / "r1.json").write_text(json.dumps(report))
    with pytest.raises(RecoError, match=rf"r1\.json is damaged \({next(iter(fields))}"):
        read_report(store_settings, "r1")
