"""Which files of the streaming folder may be taken, when they are complete, and where they go."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.streaming import landing as module
from reco_assets.streaming.landing import (
    LandedFile,
    LandingError,
    claim,
    claim_from,
    claimed_files,
    delete_claimed,
    is_complete,
    landed_files,
    refuse,
    require_takeable,
    sweep_claims,
)

LINE = b"2005-09-06,7,42,4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "streaming"
    made.mkdir()
    return made


@pytest.fixture
def put(folder: Path) -> Callable[..., Path]:
    def write(name: str, content: bytes = LINE, at: int = 1_000) -> Path:
        path = folder / name
        path.write_bytes(content)
        os.utime(path, (at, at))
        return path

    return write


def names(folder: Path) -> list[str]:
    return [file.name for file in landed_files(folder)]


def complete(folder: Path) -> list[str]:
    return [file.name for file in landed_files(folder) if is_complete(folder, file)]


# Looking


def test_csv_files_are_seen_the_least_recently_changed_first(folder: Path, put: Callable) -> None:
    for name, at in (("b.csv", 2_000), ("c.csv", 1_000), ("a.csv", 2_000)):
        put(name, at=at)
    assert names(folder) == ["c.csv", "a.csv", "b.csv"]


def test_a_seen_file_is_described_by_size_time_and_inode(folder: Path, put: Callable) -> None:
    path = put("a.csv", at=5)
    assert landed_files(folder) == [LandedFile("a.csv", len(LINE), 5_000_000_000, path.stat().st_ino)]


@pytest.mark.parametrize(
    "name", ["a[1].csv", "with spaces.csv", "caf\u00e9 \u6620\u753b.csv", "*.csv", "a\nb.csv", "-x.csv"]
)
def test_odd_names_are_seen_and_claimed_as_they_are(folder: Path, put: Callable, name: str) -> None:
    put(name)
    assert complete(folder) == [name]
    assert [path.name for path in claim(folder, [name])] == [name]


@pytest.mark.parametrize("name", ["_x.csv", ".x.csv", "x.csv.tmp", "x.tmp", "x.txt", "x.CSV", "x.csv.done", "csv"])
def test_other_names_are_ignored(folder: Path, put: Callable, name: str) -> None:
    put(name)
    assert names(folder) == []


def test_a_name_that_is_not_utf8_is_ignored(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.csv")).write_bytes(LINE)
    assert names(folder) == []


def test_folders_links_and_pipes_are_ignored(folder: Path, put: Callable) -> None:
    (folder / "folder.csv").mkdir()
    (folder / "link.csv").symlink_to(put("real.csv"))
    (folder / "broken.csv").symlink_to("nothing")
    os.mkfifo(folder / "pipe.csv")
    assert names(folder) == ["real.csv"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert (landed_files(tmp_path / "none"), claimed_files(tmp_path / "none")) == ([], [])


def test_10_000_files_are_seen_in_a_moment(folder: Path) -> None:
    for number in range(10_000):
        (folder / f"{number}.csv").touch()
    best = min(_seconds(folder) for _ in range(3))
    assert best < 0.5  # about 0.05 on an idle machine


def _seconds(folder: Path) -> float:
    start = time.perf_counter()
    assert len(landed_files(folder)) == 10_000
    return time.perf_counter() - start


# Complete or still being written


def test_a_file_that_ends_in_a_newline_is_complete(folder: Path, put: Callable) -> None:
    put("whole.csv")
    put("cut.csv", LINE[:-1])
    put("empty.csv", b"")
    assert complete(folder) == ["whole.csv"]


def test_a_file_with_a_done_file_beside_it_is_complete_but_not_an_empty_one(folder: Path, put: Callable) -> None:
    for name, content in (("cut.csv", LINE[:-1]), ("empty.csv", b"")):
        put(name, content)
        put(f"{name}.done", b"")
    assert complete(folder) == ["cut.csv"]


def test_a_file_that_is_gone_or_has_become_a_link_is_not_complete(folder: Path, put: Callable) -> None:
    gone, link = put("gone.csv"), put("link.csv")
    seen = landed_files(folder)
    gone.unlink()
    link.unlink()
    link.symlink_to(put("real.csv"))
    assert [is_complete(folder, file) for file in seen] == [False, False]


# Names that someone gives


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x.csv", "not the bare name of a file"),
        ("/etc/passwd", "not the bare name of a file"),
        ("..", "not the bare name of a file"),
        ("", "not the bare name of a file"),
        ("_x.csv", "start with _ or ."),
        (".x.csv", "start with _ or ."),
        ("x.txt", "does not end in .csv"),
        (os.fsdecode(b"caf\xe9.csv"), "not UTF-8"),
    ],
)
def test_a_name_that_can_never_be_taken_is_refused_with_the_reason(folder: Path, name: str, why: str) -> None:
    with pytest.raises(LandingError, match=why):
        require_takeable(folder, [name])


def test_a_link_a_folder_and_a_pipe_are_refused_by_name(folder: Path, put: Callable) -> None:
    (folder / "link.csv").symlink_to(put("real.csv"))
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    with pytest.raises(LandingError, match=r"link\.csv is a symbolic link"):
        require_takeable(folder, ["real.csv", "link.csv"])
    for name in ("folder.csv", "pipe.csv"):
        with pytest.raises(LandingError, match="is not a regular file"):
            require_takeable(folder, [name])


def test_a_name_whose_file_another_run_took_is_no_error(folder: Path) -> None:
    require_takeable(folder, ["gone.csv"])
    assert claim(folder, ["gone.csv"]) == []


# Claiming, refusing, deleting


def test_a_claimed_file_has_left_the_folder_with_its_done_file(folder: Path, put: Callable) -> None:
    put("a.csv")
    put("a.csv.done", b"")
    [claimed] = claim(folder, ["a.csv"])
    assert (names(folder), (folder / "a.csv.done").exists()) == ([], False)
    assert (claimed.name, claimed.read_bytes(), claimed.stat().st_mtime) == ("a.csv", LINE, 1_000)
    assert claimed_files(folder) == [claimed]


def test_two_files_of_one_name_are_claimed_side_by_side(folder: Path, put: Callable) -> None:
    put("a.csv", at=2_000)
    late = claim(folder, ["a.csv"])
    put("a.csv", at=1_000)
    early = claim(folder, ["a.csv"])
    assert claimed_files(folder) == early + late


def test_a_claim_goes_with_its_last_file(folder: Path, put: Callable) -> None:
    put("a.csv")
    put("b.csv")
    for claimed in claim(folder, ["a.csv", "b.csv"]):
        assert claimed.parent.exists()
        delete_claimed(claimed)
    assert list((folder / "_claimed").iterdir()) == []


def test_a_file_from_elsewhere_is_claimed_under_its_name(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "anything.txt"
    path.write_bytes(LINE)
    assert claim_from(folder, path) == claimed_files(folder)[0]
    assert (path.exists(), claimed_files(folder)[0].name) == (False, "anything.txt")


def test_a_file_from_another_file_system_is_copied_then_deleted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "far.csv"
    path.write_bytes(LINE)
    os.utime(path, ns=(7_000_000_001, 7_000_000_001))
    rename = Path.rename

    def fails_between_file_systems(self: Path, target: Path) -> Path:
        if self == path:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(module.Path, "rename", fails_between_file_systems)
    claimed = claim_from(folder, path)
    assert (claimed.read_bytes(), claimed.stat().st_mtime_ns, path.exists()) == (LINE, 7_000_000_001, False)


def test_a_link_from_elsewhere_is_refused(folder: Path, tmp_path: Path, put: Callable) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(put("real.csv"))
    with pytest.raises(LandingError, match="symbolic link"):
        claim_from(folder, link)
    assert names(folder) == ["real.csv"]


@pytest.mark.parametrize("name", ["a.csv", "a", 251 * "n" + ".csv", 83 * "\u6620" + ".csv"], ids=[1, 2, 3, 4])
def test_refused_files_keep_their_names_as_far_as_they_fit_and_never_replace_each_other(
    folder: Path, tmp_path: Path, name: str
) -> None:
    for number in range(3):
        path = tmp_path / name
        path.write_bytes(b"%d" % number)
        claimed = claim_from(folder, path)
        said = refuse(folder, claimed, f"{claimed}, line 1: no header.")
        assert "/_refused/" in said
    refused = [path for path in (folder / "_refused").iterdir() if not path.name.endswith(".error.txt")]
    assert sorted(path.read_bytes() for path in refused) == [b"0", b"1", b"2"]
    for path in refused:
        assert path.with_name(f"{path.name}.error.txt").read_text() == f"{path}, line 1: no header.\n"


def test_what_killed_runs_left_is_swept_and_claimed_files_are_kept(folder: Path, put: Callable) -> None:
    put("a.csv")
    [claimed] = claim(folder, ["a.csv"])
    put("a.csv.done", b"")  # the run was killed between the two
    (folder / "_claimed" / "empty").mkdir()
    (folder / "_claimed" / ".partial").write_bytes(b"half")
    sweep_claims(folder)
    assert claimed_files(folder) == [claimed]
    assert sorted(path.name for path in (folder / "_claimed").iterdir()) == [claimed.parent.name]
    assert not (folder / "a.csv.done").exists()


def test_the_done_file_of_a_newer_file_of_the_same_name_is_not_swept(folder: Path, put: Callable) -> None:
    put("a.csv")
    claim(folder, ["a.csv"])
    put("a.csv", LINE[:-1])
    put("a.csv.done", b"")
    sweep_claims(folder)
    assert complete(folder) == ["a.csv"]
