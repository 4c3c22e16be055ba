"""A lock has one holder at a time; who waits is told for whom, and not for ever."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resources.locking.locks import LockError, held

HOLD = "import sys; from pathlib import Path; from resources.locking.locks import held\n"
HOLD += "with held(Path(sys.argv[1]), 'it', 5): print('held', flush=True); sys.stdin.read()"
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def another_process(lock: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_who_waits_too_long_is_told_process_command_and_since_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "locks" / "a.lock"
    with (
        another_process(lock) as holder,
        pytest.raises(LockError) as refused,
        held(lock, "silver/ratings in /lake", 0.2),
    ):
        pass
    known = f"silver/ratings in /lake is locked by process {holder.pid} (-c {lock}) since 20"
    assert str(refused.value).startswith(known)
    assert "not free within 0.2 seconds" in str(refused.value)
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(known)
    assert said.endswith("waiting for it.")


def test_who_waits_goes_on_when_the_holder_ends(tmp_path: Path) -> None:
    with another_process(tmp_path / "lock") as holder:
        threading.Timer(0.2, holder.terminate).start()
        with held(tmp_path / "lock", "it", 30):
            pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with another_process(tmp_path / "lock") as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with held(tmp_path / "lock", "it", 30):
            pass


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[1]", b'{"pid": "x"}'])
def test_a_holder_of_an_older_release_says_nothing_of_itself(tmp_path: Path, text: bytes) -> None:
    with another_process(tmp_path / "lock"):
        (tmp_path / "lock").write_bytes(text)
        with (
            pytest.raises(LockError, match="it is locked by another process"),
            held(tmp_path / "lock", "it", 0.1),
        ):
            pass


def test_a_thread_that_holds_it_may_take_it_again_and_another_may_not(tmp_path: Path) -> None:
    refused: list[bool] = []

    def take() -> None:
        try:
            with held(tmp_path / "lock", "it", 0.1):
                refused.append(False)
        except LockError:
            refused.append(True)

    with held(tmp_path / "lock", "it", 1), held(tmp_path / "lock", "it", 1):
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    take()
    assert refused == [True, False]


@pytest.mark.parametrize("linked", ["locks/a.lock", "locks"])
def test_a_link_is_refused_and_what_it_points_at_is_left_alone(tmp_path: Path, linked: str) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a.lock").write_text("secret")
    if linked == "locks":
        (tmp_path / "locks").symlink_to(tmp_path / "private")
    else:
        (tmp_path / "locks").mkdir()
        (tmp_path / "locks" / "a.lock").symlink_to(tmp_path / "private" / "a.lock")
    with pytest.raises(LockError, match="a link: remove the link"), held(tmp_path / "locks" / "a.lock", "it", 1):
        pass
    assert (tmp_path / "private" / "a.lock").read_text() == "secret"


def test_a_lock_is_free_again_though_something_copied_its_descriptor(tmp_path: Path) -> None:
    path, copies = tmp_path / "table.lock", []
    with held(path, "table", 1):
        copies += [os.dup(int(name)) for name in os.listdir("/proc/self/fd") if _is_open(name, path)]
    try:
        assert copies
        with held(path, "table", 0):
            pass
    finally:
        for copy in copies:
            os.close(copy)


def _is_open(descriptor: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == str(path)
    except FileNotFoundError:  # that of the listing itself
        return False
