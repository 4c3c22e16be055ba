"""Small files are replaced whole, whatever lies under their name."""

import math
import os
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from resources.files import NoRegularFileError, plain_json, replacing, set_aside, staged, write_json


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


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_pipe_under_a_files_name_is_refused_and_stays(pipe: Path) -> None:
    with pytest.raises(NoRegularFileError, match="pipe is no regular file"):
        write_json(pipe, {"a": 1})
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert list(pipe.parent.iterdir()) == [pipe]


@pytest.mark.parametrize("given", ["pipe", "link to a pipe", "folder", "link to itself"])
def test_what_is_no_file_is_refused_where_one_is_to_be_written(tmp_path: Path, pipe: Path, given: str) -> None:
    (tmp_path / "link to a pipe").symlink_to(pipe)
    (tmp_path / "link to itself").symlink_to(tmp_path / "link to itself")
    (tmp_path / "folder").mkdir()
    before = {path.name: stat.S_IFMT(path.lstat().st_mode) for path in tmp_path.iterdir()}
    with (
        pytest.raises(NoRegularFileError, match=rf"{given} is no regular file\. Give the path of a file to be made"),
        replacing(tmp_path / given),
    ):
        raise AssertionError("nothing may be written")
    assert {path.name: stat.S_IFMT(path.lstat().st_mode) for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_the_file_that_it_leads_to_is_written(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "elsewhere" / "a.csv", tmp_path / "a.csv"
    link.symlink_to(target)
    if there:
        target.parent.mkdir()
        target.write_text("old")
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_names_the_file_that_was_given_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(PermissionError) as raised, replacing(path) as temporary:
        raise PermissionError(13, "Permission denied", str(temporary))
    assert raised.value.filename == str(path)
    assert path.read_text() == "old"


def test_what_was_staged_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "version"
    with suppress(RuntimeError), staged(folder) as staging:
        staging.mkdir()
        raise RuntimeError
    assert list(folder.parent.iterdir()) == []
    with staged(folder) as staging:
        staging.mkdir()
        (staging / "part").touch()
        assert not folder.exists()
    assert [path.name for path in folder.parent.rglob("*")] == ["version", "part"]


def test_plain_values_are_what_every_json_reader_takes() -> None:
    given = {"nan": float("nan"), "ranks": np.array([1, 2]), "stars": [np.float32(0.5), math.inf], "at": Path("/a")}
    assert plain_json(given) == {"nan": None, "ranks": [1, 2], "stars": [0.5, None], "at": "/a"}
