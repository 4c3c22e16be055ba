"""Whatever is wrong with one file, the others are taken in the same run, and the file is named with its reason."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reco_assets.streaming import intake, intake_run
from reco_assets.streaming.claims import Claims, claimed_files
from reco_assets.streaming.intake import IntakeResult, take_in
from reco_assets.streaming.reader import ParsedFile, parse_stream_file
from reco_assets.tables import STREAM_RATINGS
from resources.paths.own_folders import StrangeFolderError
from resources.tables.lakehouse import Lakehouse

RATINGS = STREAM_RATINGS.name
TAKE_IN = "reco_assets.streaming.intake:take_in"


@pytest.fixture
def fixed() -> Iterator[Callable[[Path], Callable[[], None]]]:
    """Make a file one that nobody may move, change or delete; returns what undoes that."""
    undo: list[Callable[[], None]] = []

    def fix(path: Path) -> Callable[[], None]:
        done = subprocess.run(["chattr", "+i", str(path)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file can be made immutable here: {done.stderr.strip()}")

        def free() -> None:
            undo.remove(free)
            subprocess.run(["chattr", "-i", str(path)], check=True)

        undo.append(free)
        return free

    yield fix
    for free in list(undo):
        free()


@pytest.fixture
def users(table_rows: Callable) -> Callable[[], list[int]]:
    return lambda: [user for (user,) in table_rows(RATINGS, "user_id")]


def reasons(taken: IntakeResult) -> dict[str, str]:
    return {Path(file.name).name: file.reason for file in taken.not_taken}


def test_a_file_that_may_not_be_moved_stays_while_the_others_are_taken_and_is_taken_once_it_may(
    lakehouse: Lakehouse, drop: Callable, users: Callable, fixed: Callable
) -> None:
    free = fixed(drop("a.csv", "2005-09-06,1,42,4"))
    drop("b.csv", "2005-09-06,2,42,4")
    taken = take_in(lakehouse)
    assert (users(), reasons(taken)) == ([2], {"a.csv": "it may not be moved: Operation not permitted"})
    [again] = take_in(lakehouse).not_taken
    assert again.since_ns == taken.not_taken[0].since_ns
    free()
    assert reasons(take_in(lakehouse)) == {}
    assert users() == [1, 2]


def test_files_that_may_not_be_moved_hide_no_younger_ones_from_a_command(
    make_lakehouse: Callable[..., Lakehouse], drop: Callable, users: Callable, fixed: Callable
) -> None:
    lakehouse = make_lakehouse(intake_max_files=1)
    fixed(drop("a.csv", "2005-09-06,1,42,4"))
    drop("b.csv", "2005-09-06,2,42,4")
    drop("c.csv", "2005-09-06,3,42,4")
    take_in(lakehouse)
    assert users() == [2]


def test_a_claimed_file_that_cannot_be_deleted_is_taken_once_and_stops_no_other(
    *, lakehouse: Lakehouse, drop: Callable, users: Callable, fixed: Callable, landing: Path, run_apart: Callable
) -> None:
    drop("a.csv", "2005-09-06,1,42,4")
    run_apart(TAKE_IN, lakehouse, crash_at=["claimed"])
    free = fixed(claimed_files(landing)[0])
    for user in (2, 3):
        drop("b.csv", f"2005-09-06,{user},42,4")
        assert reasons(take_in(lakehouse)) == {
            "a.csv": "it was taken in, but cannot be deleted: Operation not permitted"
        }
    assert users() == [1, 2, 3]
    free()
    take_in(lakehouse)
    assert (users(), claimed_files(landing)) == ([1, 2, 3], [])


def test_a_file_without_a_header_that_cannot_be_moved_aside_stops_no_other(
    *, lakehouse: Lakehouse, drop: Callable, users: Callable, fixed: Callable, landing: Path, run_apart: Callable
) -> None:
    drop("a.csv", "1,2", header="A,B")
    run_apart(TAKE_IN, lakehouse, crash_at=["claimed"])
    fixed(claimed_files(landing)[0])
    drop("b.csv", "2005-09-06,2,42,4")
    taken = take_in(lakehouse)
    assert users() == [2]
    assert "the header must be" in reasons(taken)["a.csv"]
    assert "cannot be moved to the refused files" in reasons(taken)["a.csv"]


def test_a_file_that_breaks_the_parser_stops_no_other_and_is_tried_again(
    lakehouse: Lakehouse, drop: Callable, users: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", "2005-09-06,1,42,4")
    drop("b.csv", "2005-09-06,2,42,4")

    def breaks(path: Path, *arguments: Any) -> ParsedFile:
        if ",1,42," in path.read_text():
            raise ValueError("boom")
        return parse_stream_file(path, *arguments)

    monkeypatch.setattr(intake_run, "parse_stream_file", breaks)
    taken = take_in(lakehouse)
    assert (users(), reasons(taken)["a.csv"][:30]) == ([2], "it cannot be parsed (boom); th")
    monkeypatch.undo()
    assert reasons(take_in(lakehouse)) == {}
    assert users() == [1, 2]


def test_a_claimed_file_that_someone_takes_away_stops_no_other(
    lakehouse: Lakehouse, drop: Callable, users: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", "2005-09-06,1,42,4")
    drop("b.csv", "2005-09-06,2,42,4")

    def then_one_goes(*arguments: Any) -> Claims:
        claims = claim(*arguments)
        claims.paths[0].unlink()
        return claims

    claim = intake.claim
    monkeypatch.setattr(intake, "claim", then_one_goes)
    take_in(lakehouse)
    assert users() == [2]


def test_files_of_every_other_kind_are_named_and_stay(
    lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path
) -> None:
    drop("a.csv", "2005-09-06,1,42,4")
    drop("b.csv.gz", "x")
    drop("cut.csv", "2005", end="")
    (landing / "link.csv").symlink_to("/etc/hostname")
    assert sorted(reasons(take_in(lakehouse))) == ["b.csv.gz", "cut.csv", "link.csv"]
    assert users() == [1]


@pytest.mark.parametrize("encoding", ["utf-16", "gzip"])
def test_content_that_is_no_text_is_refused_while_the_others_are_taken(
    lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path, encoding: str
) -> None:
    text = "DATE,CUST_ID,MOVIE_ID,RATING\n2005-09-06,1,42,4\n"
    content = text.encode("utf-16") if encoding == "utf-16" else b"\x1f\x8b\x08\x00 no text"
    (landing / "a.csv").write_bytes(content)
    (landing / "a.csv.done").touch()
    drop("b.csv", "2005-09-06,2,42,4")
    [refusal] = take_in(lakehouse).refused
    assert (refusal.name, users()) == ("a.csv", [2])
    assert (landing / "_refused" / "a.csv").read_bytes() == content


# Folders of the platform's own


@pytest.mark.parametrize("managed", ["streaming/_claimed", "streaming/_refused", "stream/archive", "stream/receipts"])
def test_a_link_in_the_place_of_a_managed_folder_ends_the_run_in_one_line_before_it_touches_anything(
    lakehouse: Lakehouse, drop: Callable, landing: Path, tmp_path: Path, managed: str
) -> None:
    drop("a.csv", "2005-09-06,1,42,4")
    private = tmp_path / "private" / "x" / "b.csv"
    private.parent.mkdir(parents=True)
    private.write_text("mine")
    lakehouse.path(managed).parent.mkdir(parents=True, exist_ok=True)
    lakehouse.path(managed).symlink_to(tmp_path / "private")
    with pytest.raises(StrangeFolderError, match="is a symbolic link") as raised:
        take_in(lakehouse)
    assert "\n" not in str(raised.value)
    assert (private.read_text(), list((tmp_path / "private").iterdir())) == ("mine", [private.parent])
    assert ([path.name for path in landing.glob("*.csv")], lakehouse.exists(RATINGS)) == (["a.csv"], False)


def test_a_link_in_the_place_of_the_partial_copy_is_replaced_and_never_written_through(
    lakehouse: Lakehouse, drop: Callable, users: Callable, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.write_text("mine")
    lakehouse.path("stream", "archive").mkdir(parents=True)
    lakehouse.path("stream", "archive", "_partial").symlink_to(private)
    drop("a.csv", "2005-09-06,1,42,4")
    take_in(lakehouse)
    assert (users(), private.read_text()) == ([1], "mine")
