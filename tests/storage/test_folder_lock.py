"""A given folder's lock: who waits is told so, and not for ever; nothing is left in the folder."""

import threading
from pathlib import Path

import pytest

from resources.locking.folder_lock import folder_lock
from resources.locking.locks import LockError


def test_who_waits_is_told_and_gives_up_in_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        folder_lock(tmp_path, 5),
        pytest.raises(LockError, match=rf"{tmp_path} is locked by another process, .* within 0.1 seconds"),
        folder_lock(tmp_path, 0.1),
    ):
        pass
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"{tmp_path} is locked by another process: waiting for it."


def test_who_waits_goes_on_when_the_lock_is_free(tmp_path: Path) -> None:
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with folder_lock(tmp_path, 5):
            held.set()
            let_go.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    threading.Timer(0.1, let_go.set).start()
    with folder_lock(tmp_path, 30):
        assert let_go.is_set()
    holder.join()
    assert list(tmp_path.iterdir()) == []
