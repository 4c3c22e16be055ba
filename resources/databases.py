"""DuckDB files: one that is new and this process's own, or one that is there and only read; errors in one line each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import RecoError
from resources.text.plain_text import printable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HELD = re.compile(r"Conflicting lock is held in (?P<program>.*?) ?\(PID (?P<pid>\d+)\)")
_NO_SPACE = ("No space left on device", "File too large", "Disk quota exceeded")


class DatabaseError(RecoError):
    """A DuckDB file can't be written or read; the message names it and says what to do."""


@contextmanager
def new_database(path: Path, called: Path) -> Iterator["DuckDBPyConnection"]:
    """Make a DuckDB file and fill it; it is whole and closed when the block ends.

    Args:
        path: Where it is written: a free name in a folder of its own, as DuckDB lays `<path>.wal` and `<path>.tmp`
            beside it.
        called: Its name in messages, under which it will be known.

    Raises:
        DatabaseError: It can't be written.
    """
    import duckdb

    with _told(called):
        connection = duckdb.connect(path)
        try:
            yield connection
            connection.execute("CHECKPOINT")
        finally:
            connection.close()


@contextmanager
def in_memory() -> Iterator["DuckDBPyConnection"]:
    """A DuckDB database that no file holds."""
    import duckdb

    connection = duckdb.connect()
    try:
        yield connection
    finally:
        connection.close()


def open_to_read(path: Path) -> "DuckDBPyConnection":
    """A connection that reads a DuckDB file, beside any number of others. Raises `DatabaseError`."""
    import duckdb

    with _told(path):
        return duckdb.connect(path, read_only=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    import duckdb

    # Without their cause: a run that failed shows the innermost error, and this is the one that says what to do.
    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) or any(sign in str(error) for sign in _NO_SPACE):
            raise DatabaseError(_io_error(path, str(error))) from None
        raise


def _io_error(path: Path, message: str) -> str:
    if held := _HELD.search(message):
        return (
            f"{path} is open for writing in process {held['pid']} ({printable(held['program'])}). Let that process "
            "close it, or open it to read only."
        )
    if any(sign in message for sign in _NO_SPACE):
        return f"No space is left to write {path}. Free some, then run it again: what was there before is there still."
    if "not a valid DuckDB database" in message:
        return f"{path} can't be read: it is no DuckDB file, or a damaged one. Move it away, and have it computed anew."
    return f"{path} can't be read or written: {printable(message.splitlines()[0])}."
