"""What comes of forgotten users is left out when bronze is loaded."""

from pathlib import Path

import pyarrow as pa

from reco_assets.bronze.forgotten import without_forgotten
from reco_assets.events.extraction.forgotten import without_forgotten as messages_without
from reco_assets.events.extraction.messages import Messages, Partition, Span
from reco_assets.sources.ids import Ids
from reco_assets.sources.layout import Columns
from reco_assets.sources.source import RawTable
from reco_assets.tombstones import FOLDER, add_tombstones, read_tombstones


def test_rows_go_by_their_number_and_where_that_is_missing_by_their_text(tmp_path: Path) -> None:
    gone = add_tombstones(tmp_path, [17, "anna"])
    batch = pa.record_batch(
        {"user_id": pa.array([17, 4, None, None], pa.int32()), "_rescued": [None, None, "anna,1,9", "bob,1,9"]}
    )

    (left,) = without_forgotten(RawTable(Columns({}), lambda: iter([batch])), gone).batches()

    assert left.to_pylist() == [{"user_id": 4, "_rescued": None}, {"user_id": None, "_rescued": "bob,1,9"}]


def test_a_text_that_comes_back_gets_no_number(tmp_path: Path) -> None:
    known = Ids({"user_id": pa.array(["x", "y"])}, add_tombstones(tmp_path, ["anna"]))

    assert known.with_texts("user_id", pa.array(["anna", "carl"])).texts["user_id"].to_pylist() == ["x", "y", "carl"]


def test_messages_of_forgotten_users_and_marks_are_left_out(tmp_path: Path) -> None:
    values = [b'{"user_id": 17}', b'{"user_id": 4}', b"#forgotten    "]
    messages = Messages(Span(Partition("s", "t", 0, 0, 3), 0, 3, 3), [0, 1, 2], [None] * 3, list(values))

    assert messages_without(messages, add_tombstones(tmp_path, [17])).offsets == [1]


def test_tombstones_hold_no_id_and_their_key_is_the_platforms_alone(tmp_path: Path) -> None:
    add_tombstones(tmp_path, [1_987_654_321])

    assert read_tombstones(tmp_path).has("1987654321")
    assert not read_tombstones(tmp_path).has("4")
    assert (tmp_path / FOLDER / "key").stat().st_mode & 0o077 == 0
    assert all("1987654321" not in file.read_text() for file in (tmp_path / FOLDER).iterdir())
