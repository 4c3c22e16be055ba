"""A search that knows nothing of places: whether any byte of any file still says an id."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from reco_assets.forgetting.people import People, as_written

LOCKS = "_locks"


def files_that_mention(folder: Path, people: People) -> Iterator[Path]:
    """The files below a folder with an id of the users in their bytes, of those ids that can't be something else.

    What is packed isn't unpacked for it. Locks are left out: while this runs, they say by which command they are held.
    """
    names = [name.encode() for name in as_written(filter(people.mentioned, people.names))]
    for path in sorted(folder.rglob("*")) if names else ():
        if path.is_symlink() or not path.is_file() or not path.stat().st_size or path.parent.name == LOCKS:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if any(_stands_alone(content, name) for name in names):
                yield path


def _stands_alone(content: mmap.mmap, name: bytes) -> bool:
    """Whether a name is anywhere without a letter or digit beside it, which would make it another."""
    at = content.find(name)
    while at >= 0:
        beside = content[max(at - 1, 0) : at] + content[at + len(name) : at + len(name) + 1]
        if not any(chr(byte).isalnum() for byte in beside if byte < 128):
            return True
        at = content.find(name, at + 1)
    return False
