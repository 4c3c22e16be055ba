"""A zip of a stranger's is refused before it fills the disk or leaves its folder."""

import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from reco_assets.sources.fetch import download
from reco_assets.sources.unpacking import Bounds, UnpackError, unpack

NOISE = bytes(range(256)) * 8


def write_zip(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            files.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def refusal(path: Path, bounds: Bounds | None = None) -> str:
    target = path.parent / "unpacked"
    with pytest.raises(UnpackError) as refused:
        unpack(path, target, bounds)
    assert not target.exists()
    return str(refused.value)


def test_members_are_unpacked_as_they_are(tmp_path: Path) -> None:
    unpack(write_zip(tmp_path / "a.zip", {"ml/": b"", "ml/a.csv": NOISE, "ml/deep/b.csv": b""}), tmp_path / "unpacked")
    assert (tmp_path / "unpacked/ml/a.csv").read_bytes() == NOISE
    assert (tmp_path / "unpacked/ml/deep/b.csv").read_bytes() == b""


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"ml/{number}": b"" for number in range(101)})
    assert refusal(path) == "it has 101 members, and 100 are allowed"


def test_too_many_bytes_in_all_are_refused_though_no_member_has_them(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a": NOISE, "b": NOISE})
    assert "it comes to 4,096 bytes, and 4,095 are allowed" in refusal(path, Bounds(total_bytes=4_095))
    unpack(path, tmp_path / "unpacked", Bounds(total_bytes=4_096))


def test_a_bomb_is_told_by_its_compression(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"ml/ratings.csv": bytes(20 << 20)})
    assert path.stat().st_size < 100_000
    assert "'ml/ratings.csv' is compressed 1,02" in refusal(path)


def test_a_small_member_may_repeat_itself(tmp_path: Path) -> None:
    unpack(write_zip(tmp_path / "a.zip", {"a": bytes(1 << 20)}), tmp_path / "unpacked")


@pytest.fixture
def server_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this machine that has a file `large` of 10,000 bytes."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "large").write_bytes(bytes(10_000))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    path = write_zip(tmp_path / "a.zip", {"ml/ratings.csv": b"/etc/passwd"}, mode=kind | 0o777)
    assert refusal(path) == "its member 'ml/ratings.csv' is a link or a special file"


@pytest.mark.parametrize("name", ["/etc/x", "../x", "ml/../../x", "ml\\..\\x"])
def test_members_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    assert "leads outside" in refusal(write_zip(tmp_path / "a.zip", {name: b"x"}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_does_not_replace_another(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as files:
        files.writestr("ml/a", "one")
        files.writestr("ml//a", "two")
    assert refusal(tmp_path / "a.zip") == "two of its members have one name"


def test_more_than_the_disk_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", {"a": NOISE})
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2_047})())
    with pytest.raises(UnpackError, match="it comes to 2,048 bytes, and 2,047 are free"):
        unpack(path, tmp_path / "unpacked")


def test_a_download_stops_at_the_size_that_is_allowed(tmp_path: Path, server_url: str) -> None:
    with pytest.raises(OSError, match="it is larger than allowed"):
        download(f"{server_url}/large", tmp_path / "file", progress=False, most_bytes=5_000)
    assert (tmp_path / "file").stat().st_size <= 5_000
    download(f"{server_url}/large", tmp_path / "file", progress=False, most_bytes=10_000)
    assert (tmp_path / "file").stat().st_size == 10_000
