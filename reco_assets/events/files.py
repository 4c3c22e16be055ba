"""Events without a broker: files that only grow, files/<topic>/<partition>.jsonl in the data lake, one event a line."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import FileIO
from itertools import chain
from pathlib import Path
from zlib import crc32

from reco_assets.events.schema import PARTITIONS
from resources.errors import RecoError
from resources.kafka.producing import Send
from resources.locking.locks import held

BLOCK = 1 << 16


class EventFilesError(RecoError):
    """Events can't be written to files; the message names the folder and says why."""


def files_folder(lake: Path) -> Path:
    """Where the files lie in the data lake."""
    return lake / "files"


@contextmanager
def appending(lake: Path, topics: Sequence[str], lock_seconds: float) -> Iterator[Send]:
    """What appends (topic, keys, values); at the end of the block all of it is on the disk.

    One process appends at a time. Where the block fails, whole lines stay: somebody may have read them by then. Raises
    `EventFilesError`, and `LockError` after so many seconds.
    """
    folder = files_folder(lake)
    try:
        with held(folder / ".lock", f"the event files in {folder}", lock_seconds), ExitStack() as stack:
            parts = range(PARTITIONS)
            files = {topic: [stack.enter_context(_opened(folder / topic, part)) for part in parts] for topic in topics}
            yield lambda topic, keys, values: _append(files[topic], keys, values)
            for file in chain.from_iterable(files.values()):
                os.fsync(file.fileno())
    except OSError as error:
        raise EventFilesError(
            f"Events can't be written to {folder}: {error.strerror or error}. Mend that and start again: events that "
            "are written twice count once."
        ) from None


def _opened(folder: Path, partition: int) -> FileIO:
    """A file to append to, without the beginning of a line that a process which was killed may have left."""
    folder.mkdir(parents=True, exist_ok=True)
    file = FileIO(folder / f"{partition}.jsonl", "a+")
    file.truncate(_end_of_lines(file))
    return file


def _end_of_lines(file: FileIO) -> int:
    """The position behind the last line that has an end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        if (found := file.read(end - start).rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0


def _append(files: Sequence[FileIO], keys: Sequence[str], values: Sequence[bytes]) -> None:
    lines = defaultdict[int, list[bytes]](list)
    for key, value in zip(keys, values, strict=True):
        lines[crc32(key.encode()) % PARTITIONS].append(value)
    for partition, some in lines.items():
        _write_whole(files[partition], b"\n".join([*some, b""]))


def _write_whole(file: FileIO, content: bytes) -> None:
    """Write all of it: a raw file may take a part, as on a disk that is nearly full."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
