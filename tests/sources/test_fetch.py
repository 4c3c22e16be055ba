"""Fetching a release from a real HTTP server on this machine."""

import hashlib
import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from reco_assets.sources import fetch as fetching
from reco_assets.sources.fetch import RELEASES, fetch
from reco_assets.sources.source import SourceError
from resources.calls.outside import OutsideProcess, call_once

NAME = "ml-latest-small"
RATINGS = b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n"
MEMBERS = {
    f"{NAME}/": b"",
    f"{NAME}/ratings.csv": RATINGS,
    f"{NAME}/movies.csv": b"movieId,title,genres\n1,Toy Story (1995),Animation\n",
}


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, silently; remembers what was asked for; cuts off the body of `truncated` paths, and sends
    `dripping` ones a byte in each tenth of a second.
    """

    asked: list[str]
    truncated: set[str]
    dripping: set[str]
    ended: Event

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def copyfile(self, source, outputfile) -> None:
        content = source.read()
        if self.path in self.dripping:
            with suppress(OSError):
                while not self.ended.wait(0.1):
                    outputfile.write(b"0")
            return
        outputfile.write(content[: len(content) // 2] if self.path in self.truncated else content)

    def log_message(self, *arguments) -> None:
        pass


class Server:
    """A release server: `base_url`, and `folder`, whose files it serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        known = {"asked": [], "truncated": set(), "dripping": set(), "ended": Event()}
        self.handler = type("TestHandler", (Handler,), known)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(self.handler, directory=str(folder)))
        self.base_url = f"http://127.0.0.1:{self.http.server_port}"

    def publish(self, content: bytes, md5: str | None = None, name: str = NAME) -> None:
        """Serve this content as the release's zip, with this text (default: its MD5) beside it."""
        (self.folder / f"{name}.zip").write_bytes(content)
        (self.folder / f"{name}.zip.md5").write_text(md5 or f"{hashlib.md5(content).hexdigest()}  {name}.zip\n")


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members.items():
            files.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def process() -> Iterator[OutsideProcess]:
    """The process beside this one that downloads for all tests: a new one for each file takes half a second."""
    process = OutsideProcess()
    yield process
    process.stop()


@pytest.fixture
def server(tmp_path, monkeypatch, process) -> Iterator[Server]:
    def call(*arguments, seconds, shown):
        return process.call(*arguments, seconds=seconds)

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetching, "call_once", call)
    (tmp_path / "served").mkdir()
    server = Server(tmp_path / "served")
    thread = Thread(target=partial(server.http.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.handler.ended.set()
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def process_of_its_own(server, monkeypatch):
    """For what a download's own process alone shows: what it writes, and that it ends."""
    monkeypatch.setattr(fetching, "call_once", call_once)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "lake" / "movielens"


@pytest.fixture
def refused(server, folder):
    """Fetch from the server and give the message of the refusal, of one line; nothing may be left behind."""

    def read(name=NAME):
        with pytest.raises(SourceError) as error:
            fetch(name, folder, base_url=server.base_url, progress=False)
        assert not folder.exists() or not list(folder.iterdir())
        assert "\n" not in str(error.value)
        return str(error.value)

    return read


def fetch_quietly(server, folder, name=NAME):
    return fetch(name, folder, base_url=server.base_url, progress=False)


def test_the_releases_files_lie_in_a_folder_of_its_name(server, folder):
    server.publish(zipped(MEMBERS))
    assert fetch_quietly(server, folder) == folder / NAME
    assert (folder / NAME / "ratings.csv").read_bytes() == RATINGS
    assert (folder / NAME / "movies.csv").exists()


def test_nothing_but_the_release_is_left_in_the_folder(server, folder):
    server.publish(zipped(MEMBERS))
    fetch_quietly(server, folder)
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_every_release_can_be_fetched(server, folder):
    for name in RELEASES:
        server.publish(zipped({f"{name}/{file}": b"x" for file in ("ratings.csv", "movies.csv")}), name=name)
        assert (fetch_quietly(server, folder, name) / "ratings.csv").exists()


def test_a_slash_at_the_end_of_the_base_url_does_no_harm(server, folder):
    server.publish(zipped(MEMBERS))
    assert fetch(NAME, folder, base_url=f"{server.base_url}/", progress=False).is_dir()


def test_a_release_that_is_there_is_not_fetched_again(server, folder):
    server.publish(zipped(MEMBERS))
    fetch_quietly(server, folder)
    asked = list(server.handler.asked)
    assert fetch_quietly(server, folder) == folder / NAME
    assert server.handler.asked == asked


def test_the_download_shows_its_progress(server, folder, capfd, process_of_its_own):
    server.publish(zipped(MEMBERS))
    fetch(NAME, folder, base_url=server.base_url)
    assert "100%" in capfd.readouterr().err


def test_without_progress_nothing_is_printed(server, folder, capfd, process_of_its_own):
    server.publish(zipped(MEMBERS))
    fetch_quietly(server, folder)
    assert capfd.readouterr() == ("", "")


def test_the_md5_may_be_written_in_the_bsd_form(server, folder):
    content = zipped(MEMBERS)
    server.publish(content, f"MD5 ({NAME}.zip) = {hashlib.md5(content).hexdigest().upper()}\n")
    assert fetch_quietly(server, folder).is_dir()


def test_a_zip_that_does_not_match_the_published_md5_is_refused(server, refused):
    server.publish(zipped(MEMBERS), "0" * 32)
    message = refused()
    assert f"{server.base_url}/{NAME}.zip: the download's MD5 is" in message
    assert f"the server publishes {'0' * 32}" in message
    assert "fetch again" in message


def test_a_zip_without_a_published_md5_is_refused(server, refused):
    server.publish(zipped(MEMBERS))
    (server.folder / f"{NAME}.zip.md5").unlink()
    assert f"{server.base_url}/{NAME}.zip.md5: the download failed (HTTP 404)" in refused()


def test_an_md5_file_that_holds_none_is_refused(server, refused):
    server.publish(zipped(MEMBERS), "<html>Not today</html>")
    assert f"{NAME}.zip.md5: this file holds no MD5" in refused()


def test_a_release_that_the_server_does_not_have_is_refused(server, refused):
    server.publish(zipped(MEMBERS))
    (server.folder / f"{NAME}.zip").unlink()
    assert f"{server.base_url}/{NAME}.zip: the download failed (HTTP 404)" in refused()


def test_a_download_that_breaks_off_is_refused(server, refused, process_of_its_own):
    server.publish(zipped(MEMBERS))
    server.handler.truncated.add(f"/{NAME}.zip")
    assert f"{server.base_url}/{NAME}.zip: " in refused()


def test_an_interrupted_download_leaves_nothing_behind(server, folder, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    server.publish(zipped(MEMBERS))
    monkeypatch.setattr(fetching, "_check_md5", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_quietly(server, folder)
    assert list(folder.iterdir()) == []


def test_after_a_failure_the_release_can_be_fetched(server, folder, refused):
    server.publish(zipped(MEMBERS), "0" * 32)
    refused()
    server.publish(zipped(MEMBERS))
    assert fetch_quietly(server, folder).is_dir()


def test_a_server_that_is_away_is_one_clear_line(server, refused):
    server.http.server_close()
    message = refused()
    assert message.startswith(f"{server.base_url}/{NAME}.zip.md5: the download failed (ConnectionError).")
    assert "Check the network" in message


@pytest.mark.parametrize("member", ["../evil.csv", f"{NAME}/../../evil.csv", "/evil.csv", "..\\evil.csv"])
def test_a_zip_whose_member_leads_outside_is_refused(server, refused, tmp_path, member):
    server.publish(zipped({**MEMBERS, member: b"evil"}))
    assert "leads outside" in refused()
    assert not list(tmp_path.rglob("evil.csv"))


@pytest.mark.parametrize("missing", ["ratings.csv", "movies.csv"])
def test_a_zip_without_ratings_or_movies_is_refused(server, refused, missing):
    server.publish(zipped({name: content for name, content in MEMBERS.items() if not name.endswith(missing)}))
    assert f"the zip holds no {NAME}/{missing}" in refused()


def test_a_zip_of_another_release_is_refused(server, refused):
    server.publish(zipped(MEMBERS), name="ml-25m")
    assert "the zip holds no ml-25m/ratings.csv" in refused("ml-25m")


def test_what_is_no_zip_is_refused(server, refused):
    server.publish(b"<html>Not today</html>")
    assert "the zip cannot be unpacked" in refused()


def test_a_zip_with_a_damaged_member_is_refused(server, refused):
    content = zipped(MEMBERS)
    at = content.index(b"ratings.csv") + len("ratings.csv")
    server.publish(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
    assert "the zip cannot be unpacked" in refused()


def test_a_server_that_sends_a_byte_now_and_then_is_given_up_after_the_time_of_the_whole_file(
    server, refused, monkeypatch, process_of_its_own
):
    monkeypatch.setattr(fetching, "ARCHIVE_SECONDS", 1.0)
    server.publish(zipped(MEMBERS))
    server.handler.dripping.add(f"/{NAME}.zip")
    began = time.monotonic()
    assert "the download failed (there was no answer within 1 s)" in refused()
    assert time.monotonic() - began < 20  # two processes start


def test_an_unknown_release_is_refused_with_the_known_ones(server, refused):
    assert refused("ml-1b").startswith("ml-1b: no such release, there are ml-latest-small, ml-25m.")
    assert server.handler.asked == []


def test_a_folder_in_the_way_is_left_alone_and_named(server, folder):
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / "notes.txt").write_text("mine")
    with pytest.raises(SourceError, match="this is in the way and does not hold"):
        fetch_quietly(server, folder)
    assert [path.name for path in (folder / NAME).iterdir()] == ["notes.txt"]
    assert server.handler.asked == []


def test_a_folder_that_cannot_be_made_is_refused(server, folder):
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(SourceError, match="it cannot be written"):
        fetch_quietly(server, folder)


def test_of_two_fetches_at_a_time_the_slower_one_takes_the_other_ones_release(server, folder, monkeypatch):
    def other_finishes_first(url, archive, published):
        monkeypatch.setattr(fetching, "_check_md5", check)
        fetch_quietly(server, folder)

    check = fetching._check_md5
    server.publish(zipped(MEMBERS))
    monkeypatch.setattr(fetching, "_check_md5", other_finishes_first)
    assert fetch_quietly(server, folder) == folder / NAME
    assert [path.name for path in folder.iterdir()] == [NAME]
