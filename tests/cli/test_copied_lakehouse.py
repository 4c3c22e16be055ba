"""A lakehouse is a folder: a copy of it is one of its own, and never touches the one that it was copied from."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Reco = Callable[..., "subprocess.CompletedProcess[str]"]


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def names(folder: Path, where: str) -> list[str]:
    """The files below a folder that lead to a place. What only tells of the past may name it: the demo's history of
    runs, and of a table's log what was done when, which nobody follows.
    """
    files = (path for path in folder.rglob("*") if path.is_file() and folder / "_dagster" not in path.parents)
    return sorted(str(path.relative_to(folder)) for path in files if where.encode() in _followed(path))


def _followed(path: Path) -> bytes:
    lines = path.read_bytes().split(b"\n")
    in_log = path.parent.name == "_delta_log"
    return b"\n".join(line for line in lines if not (in_log and line.startswith(b'{"commitInfo"')))


def test_training_in_a_copy_changes_no_byte_of_the_original_and_goes_on_without_it(
    demo_lake: tuple[Path, object], reco: Reco, tmp_path: Path, small: dict[str, str]
) -> None:
    original, copy = tmp_path / "original", tmp_path / "lake"
    shutil.copytree(demo_lake[0], original)
    shutil.copytree(demo_lake[0], copy)
    before = hashes(demo_lake[0]), hashes(original)
    done = reco("train", **small)
    assert done.returncode == 0, done.stderr
    assert "was left out" not in done.stderr
    assert (hashes(demo_lake[0]), hashes(original)) == before
    assert names(copy, str(demo_lake[0])) == []
    moved = copy.rename(tmp_path / "moved")
    newest = max(path.name for path in (moved / "gold/models/als").iterdir() if path.name[0] != "_" and path.is_dir())
    for command in (["model", "promote", newest], ["model", "rollback"], ["recommend", "--user", "1"]):
        done = reco(*command, LAKEHOUSE_PATH=str(moved))
        assert done.returncode == 0, done.stderr
        assert "was left out" not in done.stderr
    assert not copy.exists()
