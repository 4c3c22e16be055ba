"""Small files are replaced whole, whatever lies under their name."""

from pathlib import Path

import pytest

from resources.atomic_files import set_aside, write_json


def test_a_folder_under_a_files_name_is_kept_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.mkdir()
    (path / "something").write_text("of someone")
    with pytest.warns(UserWarning, match=r"report\.json is a folder, and is kept as report\.json\.damaged"):
        write_json(path, {"a": 1})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert (tmp_path / "report.json.damaged" / "something").read_text() == "of someone"


def test_what_was_set_aside_before_is_kept_too(tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "a").write_text(text)
        set_aside(tmp_path / "a")
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["first", "second"]
