"""Which files of the streaming folder may be taken, when they are complete, and where they go."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.streaming.claims import (
    claim,
    claim_copy,
    claimed_files,
    delete_claimed,
    refuse,
    require_own_streaming_folders,
    sweep_claims,
)
from reco_assets.streaming.landing import (
    LandedFile,
    LandingError,
    incompleteness,
    landed_files,
    open_regular,
    require_takeable,
)
from reco_assets.streaming.writers import Look
from resources.paths.own_folders import StrangeFolderError

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
    return [file.name for file in landed_files(folder) if incompleteness(folder, file, Look()) is None]


# Looking


def test_files_are_seen_in_the_order_in_which_they_came_whatever_their_own_times(folder: Path, put: Callable) -> None:
    for name, at in (("b.csv", 2_000), ("c.csv", 1_000), ("a.csv", 4_000_000_000)):
        while names(folder)[-1:] != [name]:  # the clock of the file system ticks every few milliseconds
            put(name, at=at)
    assert names(folder) == ["b.csv", "c.csv", "a.csv"]


def test_a_seen_file_is_described_by_size_times_and_inode(folder: Path, put: Callable) -> None:
    found = put("a.csv", at=5).stat()
    assert landed_files(folder) == [LandedFile("a.csv", len(LINE), 5_000_000_000, found.st_ino, found.st_ctime_ns)]


@pytest.mark.parametrize(
    "name", ["a[1].csv", "with spaces.csv", "caf\u00e9 \u6620\u753b.csv", "*.csv", "a\nb.csv", "-x.csv"]
)
def test_odd_names_are_seen_and_claimed_as_they_are(folder: Path, put: Callable, name: str) -> None:
    put(name)
    assert complete(folder) == [name]
    assert [path.name for path in claim(folder, [name]).paths] == [name]


@pytest.mark.parametrize("name", ["RATINGS.CSV", "Ratings.Csv"])
def test_the_suffix_may_be_written_in_capitals(folder: Path, put: Callable, name: str) -> None:
    put(name)
    assert complete(folder) == [name]


@pytest.mark.parametrize("name", ["_x.csv", ".x.csv", "x.csv.tmp", "x.tmp", "x.txt", "x.csv.gz", "x.csv.done", "csv"])
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


def test_utf_16_is_complete_and_so_refused_for_what_it_is(folder: Path, put: Callable) -> None:
    put("wide.csv", ("\ufeff" + LINE.decode()).encode("utf-16-le"))
    put("cut.csv", ("\ufeff" + LINE.decode()[:-1]).encode("utf-16-le"))
    put("nul.csv", LINE + b"\0")
    assert complete(folder) == ["wide.csv"]


def test_a_file_that_is_gone_or_has_become_a_link_is_not_complete(folder: Path, put: Callable) -> None:
    gone, link = put("gone.csv"), put("link.csv")
    seen = landed_files(folder)
    gone.unlink()
    link.unlink()
    link.symlink_to(put("real.csv"))
    reasons = [incompleteness(folder, file, Look()) or "" for file in seen]
    assert "is gone" in reasons[0]
    assert "is a symbolic link" in reasons[1]


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
        require_takeable([name])


def test_a_link_a_folder_a_pipe_and_a_socket_are_never_opened(folder: Path, put: Callable) -> None:
    (folder / "link.csv").symlink_to(put("real.csv"))
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    with pytest.raises(LandingError, match=r"link\.csv is a symbolic link"):
        open_regular(folder / "link.csv")
    for name in ("folder.csv", "pipe.csv"):
        with pytest.raises(LandingError, match="is not a regular file"):
            open_regular(folder / name)


def test_a_name_whose_file_another_run_took_is_no_error(folder: Path) -> None:
    require_takeable(["gone.csv"])
    assert claim(folder, ["gone.csv"]).paths == ()


# Claiming, refusing, deleting


def test_a_claimed_file_has_left_the_folder_with_its_done_file(folder: Path, put: Callable) -> None:
    put("a.csv")
    put("a.csv.done", b"")
    [claimed] = claim(folder, ["a.csv"]).paths
    assert (names(folder), (folder / "a.csv.done").exists()) == ([], False)
    assert (claimed.name, claimed.read_bytes(), claimed.stat().st_mtime) == ("a.csv", LINE, 1_000)
    assert claimed_files(folder) == [claimed]


def test_claimed_files_are_in_the_order_in_which_they_came(folder: Path, put: Callable) -> None:
    first = put("a.csv")
    while names(folder)[-1:] != ["b.csv"]:
        put("b.csv")
    late, early = claim(folder, ["b.csv"]).paths, claim(folder, [first.name]).paths
    assert claimed_files(folder) == [*early, *late]


def test_a_claim_goes_with_its_file(folder: Path, put: Callable) -> None:
    put("a.csv")
    put("b.csv")
    for claimed in claim(folder, ["a.csv", "b.csv"]).paths:
        assert claimed.parent.exists()
        delete_claimed(claimed)
    assert list((folder / "_claimed").iterdir()) == []


@pytest.mark.parametrize("move", [False, True])
def test_a_file_from_elsewhere_is_claimed_as_a_copy_under_its_name(folder: Path, tmp_path: Path, move: bool) -> None:
    path = tmp_path / "anything.txt"
    path.write_bytes(LINE)
    claimed = claim_copy(folder, path, move=move)
    assert claimed_files(folder) == [claimed]
    assert (claimed.name, claimed.read_bytes(), path.exists()) == ("anything.txt", LINE, not move)


def test_a_copy_that_fails_leaves_no_claim(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="not a regular file"):
        claim_copy(folder, tmp_path)
    assert list((folder / "_claimed").iterdir()) == []


def test_a_link_from_elsewhere_is_refused(folder: Path, tmp_path: Path, put: Callable) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(put("real.csv"))
    with pytest.raises(LandingError, match="symbolic link"):
        claim_copy(folder, link)
    assert names(folder) == ["real.csv"]


@pytest.mark.parametrize("name", ["a.csv", "a", 251 * "n" + ".csv", 83 * "\u6620" + ".csv"], ids=[1, 2, 3, 4])
def test_refused_files_keep_their_names_as_far_as_they_fit_and_never_replace_each_other(
    folder: Path, tmp_path: Path, name: str
) -> None:
    for number in range(3):
        path = tmp_path / name
        path.write_bytes(b"%d" % number)
        claimed = claim_copy(folder, path)
        said = refuse(claimed, f"{claimed}, line 1: no header.")
        assert "/_refused/" in said
    refused = [path for path in (folder / "_refused").iterdir() if not path.name.endswith(".error.txt")]
    assert sorted(path.read_bytes() for path in refused) == [b"0", b"1", b"2"]
    for path in refused:
        assert path.with_name(f"{path.name}.error.txt").read_text() == f"{path}, line 1: no header.\n"


def test_what_killed_runs_left_is_swept_and_claimed_files_are_kept(folder: Path, put: Callable) -> None:
    put("a.csv")
    [claimed] = claim(folder, ["a.csv"]).paths
    put("a.csv.done", b"")  # the run was killed between the two
    (folder / "_claimed" / "empty").mkdir()
    (folder / "_claimed" / ".partial").write_bytes(b"half")
    (folder / "_claimed" / "gone.taken").write_text("[]")
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


# Folders of the platform's own


def outside(tmp_path: Path) -> Path:
    """A folder with a file that nothing may touch."""
    made = tmp_path / "outside"
    made.mkdir()
    (made / "private").mkdir()
    (made / "private" / "a.csv").write_bytes(LINE)
    return made


@pytest.mark.parametrize("name", ["_claimed", "_refused"])
def test_a_link_in_the_place_of_a_managed_folder_is_refused_in_one_line(
    folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / name).symlink_to(outside(tmp_path))
    with pytest.raises(StrangeFolderError, match=rf"{name} is a symbolic link, .*Nothing was touched"):
        require_own_streaming_folders(folder)
    assert (tmp_path / "outside" / "private" / "a.csv").exists()


def test_nothing_is_claimed_or_swept_through_a_link(folder: Path, tmp_path: Path, put: Callable) -> None:
    put("a.csv")
    (folder / "_claimed").symlink_to(outside(tmp_path))
    for act in (lambda: claim(folder, ["a.csv"]), lambda: sweep_claims(folder), lambda: claimed_files(folder)):
        with pytest.raises(StrangeFolderError):
            act()
    assert (names(folder), (tmp_path / "outside" / "private" / "a.csv").exists()) == (["a.csv"], True)


def test_a_link_among_the_claims_is_neither_followed_nor_removed(folder: Path, tmp_path: Path) -> None:
    (folder / "_claimed").mkdir()
    (folder / "_claimed" / "x").symlink_to(outside(tmp_path) / "private")
    sweep_claims(folder)
    assert claimed_files(folder) == []
    assert (tmp_path / "outside" / "private" / "a.csv").exists()


def test_a_claim_that_becomes_a_link_after_it_was_listed_is_not_followed(
    folder: Path, tmp_path: Path, put: Callable
) -> None:
    put("a.csv")
    [claimed] = claim(folder, ["a.csv"]).paths
    (folder / "_claimed").rename(folder / "was")
    (folder / "_claimed").mkdir()
    claimed.parent.symlink_to(outside(tmp_path) / "private")
    for act in (lambda: delete_claimed(claimed), lambda: refuse(claimed, "no header")):
        with pytest.raises(StrangeFolderError):
            act()
    assert (tmp_path / "outside" / "private" / "a.csv").read_bytes() == LINE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_not_the_platforms_own(folder: Path) -> None:
    (folder / "_claimed").mkdir()
    os.chown(folder / "_claimed", 65534, 65534)
    with pytest.raises(StrangeFolderError, match="belongs to user 65534"):
        require_own_streaming_folders(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_the_streaming_folders_owner_will_do(folder: Path) -> None:
    (folder / "_claimed").mkdir()
    for each in (folder, folder / "_claimed"):
        os.chown(each, 65534, 65534)
    require_own_streaming_folders(folder)


def test_a_file_in_the_place_of_a_managed_folder_is_refused(folder: Path) -> None:
    (folder / "_refused").write_text("x")
    with pytest.raises(StrangeFolderError, match="is no folder"):
        require_own_streaming_folders(folder)
