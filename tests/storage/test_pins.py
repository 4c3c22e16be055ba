"""What any model or backup says it was trained or judged on is pinned."""

import json
from pathlib import Path
from typing import Any

import pytest

from resources.tables.pins import PinError, pinned_versions


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_without_a_model_nothing_is_pinned(tmp_path: Path) -> None:
    assert pinned_versions(tmp_path / "models") == {}


def test_what_models_were_trained_and_judged_on_is_pinned(tmp_path: Path) -> None:
    write(
        tmp_path / "als/1/model.json",
        {"inputs": {"silver/train_ratings": 3}, "metrics": {"inputs": {"silver/test_ratings": 2}}},
    )
    write(tmp_path / "als/2/model.json", {"inputs": {"silver/train_ratings": 5}})
    assert pinned_versions(tmp_path) == {"silver/train_ratings": {3, 5}, "silver/test_ratings": {2}}


def test_what_a_backup_names_is_pinned_when_its_model_is_gone(tmp_path: Path) -> None:
    write(tmp_path / "als/_backup/backup.json", {"version": "1", "inputs": {"silver/train_ratings": 0}})
    assert pinned_versions(tmp_path) == {"silver/train_ratings": {0}}


def test_a_parquet_table_has_no_version_to_pin(tmp_path: Path) -> None:
    write(tmp_path / "als/1/model.json", {"inputs": {"silver/train_ratings": None}})
    assert pinned_versions(tmp_path) == {}


def test_a_damaged_record_is_named_since_nothing_may_be_removed_then(tmp_path: Path) -> None:
    damaged = tmp_path / "als/1/model.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    with pytest.raises(PinError, match=str(damaged)):
        pinned_versions(tmp_path)
