"""A path as each engine takes it, whatever characters its folders have, or one line that says which cannot be.

Every library reads a path its own way (tried: every ASCII character and some others, in every place of a name):

- Sail 0.7.2 percent-encodes the path of a Delta table and then takes that for a plain path (of a table below `my lake`
  it reads and writes `my%20lake`); Spark and Sail take `{a}`, `[1]`, `*` and `?` for patterns. Both follow links, so
  they are led to every path that isn't plain by a link that is.
- pyarrow takes what it doesn't find for a URI, unless it is told that it is a local path.
- delta-rs 1.6.6 resolves links first, decodes `%20` in a path, finds no history below `#` and `?`, and ends in a panic
  on what no URL's host may hold. It can't be led past a folder of such a name: there, tables are of parquet or nowhere.
- MLflow and SQLAlchemy take `#`, `?` and `%20` in the path of a sqlite file for parts of a URL: as the first.
"""

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")
PATTERN = re.compile(r"[*?{}\[\]\\]")
_NO_DELTA_BELOW = re.compile(r"[\x00-\x1f\x7f#?\[\]\\^|]|%[0-9A-Fa-f]{2}")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")


def unusable(path: Path, *, delta: bool) -> str | None:
    """What keeps tables (of Delta) from lying below a path, as a part of a sentence; None where nothing does."""
    text = str(path.resolve())
    if found := _NO_TEXT.search(text):
        return f"{text!r} holds the byte {ord(found[0]) & 0xFF:#04x}, which is no UTF-8. Rename that folder"
    if delta and (found := _NO_DELTA_BELOW.search(text)):
        return f"{text!r} holds {found[0]!r}, below which no Delta table can lie. Rename that folder"
    return None


def is_plain(path: Path | str) -> bool:
    """Whether every engine takes the path as it is."""
    return _PLAIN.fullmatch(str(path)) is not None


def plain_stem(name: str) -> str:
    """A name that every engine takes: itself, or one that stands for it."""
    return name if is_plain(name) else hashlib.sha256(name.encode()).hexdigest()[:16]


def plain_address(path: Path) -> str:
    """The path itself where it is plain, else one that leads there for as long as this process lives: by a link to it,
    or, before it is made, to the folder that it is to be made in, where its own name is plain.
    """
    if is_plain(path):
        return str(path)
    target, rest = (path, "") if path.exists() else (path.parent, path.name)
    link = _links(os.getpid()) / hashlib.sha256(str(target).encode()).hexdigest()[:16]
    with suppress(FileExistsError):
        link.symlink_to(target)
    return str(link / rest)


@cache
def _links(process: int) -> Path:
    """A folder for the links of one process, which a fork of it leaves alone."""
    usual = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="reco-links-", dir=usual if is_plain(usual) else "/tmp"))

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
