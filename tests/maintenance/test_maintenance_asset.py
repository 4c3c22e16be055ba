"""The maintenance asset says what it won, and what it must not touch reads as before."""

import json
from typing import Any

import dagster as dg
import pytest

from reco_assets.maintenance.assets import tables
from resources.tables.lakehouse import Lakehouse


def materialize(lakehouse: Lakehouse) -> dict[str, Any]:
    result = dg.materialize([tables], resources={"lakehouse": lakehouse})
    (made,) = result.asset_materializations_for_node("maintenance__tables")
    return {name: value.value for name, value in made.metadata.items()}


def pin(lakehouse: Lakehouse, table: str, version: int) -> None:
    record = lakehouse.path("gold/models/als/20250101_000001/model.json")
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"inputs": {table: version}}))


def test_files_before_and_after_and_the_pinned_versions_are_in_the_metadata(numbers: Any) -> None:
    numbers.replace(1)
    numbers.append(2)
    numbers.append(3)
    pin(numbers.lakehouse, numbers.name, 1)
    found = materialize(numbers.lakehouse)
    # The compacted file comes beside those it replaces: they go when the retention is over, or stay for version 1.
    assert (found["tables"], found["files_before"], found["files_after"], found["versions_kept"]) == (1, 3, 4, 1)
    (row,) = found["report"].records
    assert (row.data["table"], row.data["files"]) == ("silver/numbers", "3 → 4")
    assert numbers.values(1) == [1, 2]


def test_one_table_that_cannot_be_maintained_does_not_keep_the_others_from_it(
    numbers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.replace(1)
    numbers.append(2)
    damaged = numbers.lakehouse.path("bronze/damaged/_delta_log")
    damaged.mkdir(parents=True)
    (damaged / f"{0:020}.json").write_text("no commit")
    with pytest.raises(Exception, match="bronze/damaged"):
        materialize(numbers.lakehouse)
    assert numbers.version > 1  # compacted all the same
