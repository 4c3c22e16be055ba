"""What is asked of others is asked in a process that ends when its time is up, and never acts later."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resources.calls.outside import OutsideError, OutsideProcess, call_once


@pytest.fixture
def process() -> Iterator[OutsideProcess]:
    process = OutsideProcess()
    yield process
    process.stop()


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with functions to call."""
    (tmp_path / "called_outside.py").write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "from resources.calls.outside import step\n"
        "def pid(): return os.getpid()\n"
        "def fail(): raise ValueError('seven is odd\\nand more')\n"
        "def refuse(): raise LookupError('not here') from ConnectionRefusedError(111)\n"
        "def steps(count, each, extra=None):\n"
        "    for _ in range(count): step(extra); time.sleep(each)\n"
        "    return count\n"
        "def late(path): time.sleep(3); Path(path).touch()\n"
        "def end(): os._exit(3)\n"
        "def talk(): print('a line'); os.write(2, b'another'); return 'said'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "called_outside"


def test_a_function_is_called_in_another_process_and_the_same_one_again(
    process: OutsideProcess, functions: str
) -> None:
    first, second = (process.call(f"{functions}:pid", seconds=5) for _ in range(2))
    assert first == second != os.getpid()


def test_what_a_function_raises_is_told_with_its_kind(process: OutsideProcess, functions: str) -> None:
    with pytest.raises(OutsideError, match="seven is odd") as raised:
        process.call(f"{functions}:fail", seconds=5)
    assert (raised.value.kind, raised.value.unreachable) == ("ValueError", False)


def test_an_error_that_comes_from_a_connection_says_that_nobody_answered(
    process: OutsideProcess, functions: str
) -> None:
    with pytest.raises(OutsideError, match="not here") as raised:
        process.call(f"{functions}:refuse", seconds=5)
    assert raised.value.unreachable


def test_a_call_that_takes_too_long_is_given_up_its_process_ends_and_what_it_was_about_to_do_is_not_done(
    process: OutsideProcess, functions: str, tmp_path: Path
) -> None:
    pid, began = process.call(f"{functions}:pid", seconds=5), time.monotonic()
    with pytest.raises(OutsideError, match=r"no answer within 0\.2 s") as raised:
        process.call(f"{functions}:late", str(tmp_path / "later"), seconds=0.2)
    assert raised.value.unreachable
    assert time.monotonic() - began < 2.5
    assert not psutil.pid_exists(pid)
    assert not (tmp_path / "later").exists()
    assert process.call(f"{functions}:pid", seconds=5) != pid


def test_each_step_has_its_own_time(process: OutsideProcess, functions: str) -> None:
    assert process.call(f"{functions}:steps", 4, 0.3, seconds=1) == 4


def test_a_step_may_ask_for_more_time_than_a_call_has(process: OutsideProcess, functions: str) -> None:
    assert process.call(f"{functions}:steps", 1, 0.5, 5.0, seconds=0.1) == 1


def test_a_process_that_began_meanwhile_answers_the_call_and_nothing_that_came_before(
    process: OutsideProcess, functions: str
) -> None:
    process.begin(f"{functions}:steps", 2, 0.1, 5.0)
    assert process.call(f"{functions}:talk", seconds=1) == "said"


def test_what_fails_while_a_process_begins_is_left_to_the_call_that_needs_it(
    process: OutsideProcess, functions: str
) -> None:
    process.begin(f"{functions}:fail")
    began = process.call(f"{functions}:pid", seconds=5)
    process.begin(f"{functions}:end")
    assert process.call(f"{functions}:pid", seconds=5) == began


def test_a_process_that_ends_unexpectedly_is_an_error_and_the_next_call_has_a_new_one(
    process: OutsideProcess, functions: str
) -> None:
    with pytest.raises(OutsideError, match="ended unexpectedly"):
        process.call(f"{functions}:end", seconds=5)
    assert process.call(f"{functions}:talk", seconds=5) == "said"


def test_nothing_that_is_called_writes_to_the_terminal(functions: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call_once(f"{functions}:talk", seconds=5) == "said"
    assert capfd.readouterr() == ("", "")


def test_threads_ask_one_after_the_other(process: OutsideProcess, functions: str) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(process.call(f"{functions}:pid", seconds=5))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


ASK = """
import sys
from resources.calls.outside import OutsideProcess
process = OutsideProcess()
print(process.call("os:getpid", seconds=5), flush=True)
process.call("time:sleep", 60, seconds=60)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_whoever_asks_takes_the_process_along_however_it_ends(end: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as asking:
        assert asking.stdout is not None
        asked = psutil.Process(int(asking.stdout.readline()))
        asking.send_signal(end)
        asking.wait(10)
    gone, _ = psutil.wait_procs([asked], timeout=10)
    assert gone == [asked]
