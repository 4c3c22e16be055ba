"""The code version tells what code made a model."""

from pathlib import Path

from reco_assets.version import code_version, hash_of


def test_a_changed_line_and_a_renamed_file_are_another_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    first = hash_of([tmp_path])
    (tmp_path / "notes.txt").write_text("no code")
    assert hash_of([tmp_path]) == first
    (tmp_path / "a.py").write_text("x = 2\n")
    changed = hash_of([tmp_path])
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, changed, hash_of([tmp_path])}) == 3


def test_the_version_of_a_room_is_not_that_of_all_code() -> None:
    assert code_version().partition("+")[0] == code_version("reco_assets/models").partition("+")[0]
    assert code_version() != code_version("reco_assets/models")
