"""Events without a broker: files that only grow, by whole lines."""

from pathlib import Path
from zlib import crc32

import pytest

from reco_assets.events.files import EventFilesError, appending

TOPIC = "reco.views"


def append(lake: Path, *values: bytes, key: str = "7") -> None:
    with appending(lake, [TOPIC], 1.0) as send:
        send(TOPIC, [key] * len(values), values)


def lines(lake: Path) -> list[list[bytes]]:
    return [(lake / "files" / TOPIC / f"{part}.jsonl").read_bytes().splitlines() for part in range(3)]


def test_a_key_has_one_partition_and_the_others_are_there_and_empty(tmp_path: Path) -> None:
    append(tmp_path, b"{}", b"[]")
    expected: list[list[bytes]] = [[], [], []]
    expected[crc32(b"7") % 3] = [b"{}", b"[]"]
    assert lines(tmp_path) == expected


def test_what_was_there_stays_before_what_is_appended(tmp_path: Path) -> None:
    append(tmp_path, b"1")
    append(tmp_path, b"2")
    assert [b"1", b"2"] in lines(tmp_path)


@pytest.mark.parametrize("size", [1, 200_000])
def test_a_line_that_a_killed_process_left_without_its_end_is_cut_off(tmp_path: Path, size: int) -> None:
    append(tmp_path, b"1")
    path = tmp_path / "files" / TOPIC / f"{crc32(b'7') % 3}.jsonl"
    path.write_bytes(path.read_bytes() + b"x" * size)
    append(tmp_path, b"2")
    assert [b"1", b"2"] in lines(tmp_path)


def test_a_folder_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / TOPIC).write_text("")
    with pytest.raises(EventFilesError, match=rf"can't be written to {tmp_path}/files: File exists"):
        append(tmp_path, b"1")


def test_whole_lines_stay_when_the_sender_fails(tmp_path: Path) -> None:
    def fail_in_the_middle() -> None:
        with appending(tmp_path, [TOPIC], 1.0) as send:
            send(TOPIC, ["7"], [b"1"])
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail_in_the_middle()
    assert [b"1"] in lines(tmp_path)
