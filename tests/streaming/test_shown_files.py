"""What Dagit shows of the files that one run took in."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from reco_assets.streaming.assets import process_streaming_data
from resources.tables.lakehouse import Lakehouse

ROW = "2005-09-06,1,42,4"


@pytest.fixture
def shown(lakehouse: Lakehouse) -> Callable[[], dict[str, Any]]:
    """Take in what lies there and return the metadata of stream/ratings."""

    def run() -> dict[str, Any]:
        result = dg.materialize([process_streaming_data], resources={"lakehouse": lakehouse})
        (event,) = result.asset_materializations_for_node("process_streaming_data")[:1]
        assert event.asset_key == dg.AssetKey(["stream", "ratings"])
        return {name: value.value for name, value in event.metadata.items()}

    return run


def test_a_file_whose_name_holds_a_bar_is_one_cell_of_one_row(drop: Callable, shown: Callable) -> None:
    drop("a|b.csv", ROW)
    (row,) = shown()["files"].records
    assert list(row.data) == ["file", "batch", "lines", "good", "quarantined", "duplicates", "corrections"]
    assert (row.data["file"], row.data["lines"], row.data["good"]) == ("a|b.csv", 1, 1)


def test_files_known_before_and_refused_are_named_beside_the_table(drop: Callable, shown: Callable) -> None:
    drop("first.csv", ROW)
    assert "notes" not in shown()
    drop("again.csv", ROW)
    drop("*odd*.csv", "1,2", header="A,B")
    found = shown()
    assert found["files"].records == []
    known, refused = found["notes"].split("\n\n")
    assert known == "again.csv: its content was taken in before."
    assert refused.startswith("Refused: ")
    assert r"\*odd\*.csv" in refused
