"""The ledger: one row per batch, in the order of intake, with its receipt and its place in what training takes.

One sqlite file, so that a look-up costs the same after a year. It is derived: receipts, tables and archive can make it
anew (`reco_assets.batches.recovery`), which happens by itself where the file is missing or damaged.
"""

import errno
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from reco_assets.batches import recovery
from reco_assets.tables import LEDGER
from resources.errors import RecoError
from resources.files import flush_to_disk, set_aside, staged
from resources.locking.locks import MAKING_SECONDS, held
from resources.tables.files import BrokenTableError

T = TypeVar("T")

_LOCK = Path("_locks", "stream.ledger.lock")
_WAIT_SECONDS = 60.0  # for another process's commit, which takes milliseconds
_FORMAT = 1
_TABLES = """
CREATE TABLE batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    batch TEXT NOT NULL UNIQUE,
    taken_ns INTEGER,
    source TEXT,
    good INTEGER,
    receipt TEXT,
    sure INTEGER NOT NULL DEFAULT 1,
    accepted INTEGER UNIQUE,
    report TEXT
) STRICT;
CREATE INDEX waiting ON batches (number, good) WHERE receipt IS NOT NULL AND accepted IS NULL;
CREATE INDEX unfinished ON batches (number) WHERE receipt IS NULL;
CREATE INDEX named ON batches (source);
CREATE TABLE swept (what TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
"""


class LedgerError(RecoError):
    """The ledger can be neither read nor made anew; the message names the file and says what to do."""


def query(root: Path, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows that a SELECT finds; none, and nothing is made, where nothing was ever streamed.

    Raises `LedgerError`.
    """
    if not (root / LEDGER.parent).is_dir():
        return []
    return _with_ledger(root, lambda ledger: ledger.execute(sql, values).fetchall())


def change(root: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do some work in one transaction that is on disk when this returns. It may be done again, after a rebuild.

    Raises `LedgerError`.
    """

    def transaction(ledger: sqlite3.Connection) -> T:
        with ledger:
            ledger.execute("BEGIN IMMEDIATE")
            return work(ledger)

    return _with_ledger(root, transaction)


def catch_up(root: Path) -> None:
    """Take into the ledger what the tables hold and it does not know: of one that is older than its tables."""
    change(root, lambda ledger: recovery.fill(ledger, root))


def _with_ledger(root: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    for last in (False, True):
        try:
            if not _is_current(root):
                _make(root)
            with closing(_connect(root / LEDGER)) as ledger:
                return work(ledger)
        except BrokenTableError as error:
            raise LedgerError(
                f"{root / LEDGER} cannot be made anew, as a table cannot be read: {error}. Restore it from a backup."
            ) from error
        except (sqlite3.DatabaseError, OSError) as error:
            if last or not _is_damage(root / LEDGER, error):
                raise LedgerError(f"{root / LEDGER} cannot be used: {error}. {_what_to_do(error)}") from error
            _set_aside(root, error)
    raise AssertionError("unreachable")


def _what_to_do(error: Exception) -> str:
    if "locked" in str(error):
        return "Another process holds it; end that one, or start this again later."
    return "Make room on the disk, and give the platform's user the right to read and write it and its folder."


def _connect(path: Path) -> sqlite3.Connection:
    # `mode=rw`: a missing ledger is made by `_make` alone, whole. No transaction but those that are asked for.
    ledger = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
    ledger.execute("PRAGMA synchronous = FULL")
    return ledger


def _is_current(root: Path) -> bool:
    """Whether there is a ledger, and no list of an earlier release beside it that is to be carried over."""
    path = root / LEDGER
    if not os.path.lexists(path) or os.path.lexists(root / recovery.OLD_LIST):
        return False
    with closing(_connect(path)) as ledger:
        (found,) = ledger.execute("PRAGMA user_version").fetchone()
    if found > _FORMAT:
        raise LedgerError(f"{path} was written by a newer release of the platform; use that one.")
    if found < _FORMAT:
        raise sqlite3.DatabaseError("it holds no ledger")
    return True


def _make(root: Path) -> None:
    """Make the ledger from what else is there, or carry an earlier release's list over into the one that is there."""
    with _alone(root):
        path = root / LEDGER
        if os.path.lexists(path):
            with closing(_connect(path)) as ledger, ledger:
                ledger.execute("BEGIN IMMEDIATE")
                recovery.fill(ledger, root)
        else:
            with staged(path) as partial:
                with closing(sqlite3.connect(partial, isolation_level=None)) as ledger:
                    ledger.executescript(_TABLES)
                    ledger.execute("BEGIN IMMEDIATE")
                    recovery.fill(ledger, root)
                    ledger.execute(f"PRAGMA user_version = {_FORMAT}")
                    ledger.execute("COMMIT")
                flush_to_disk(partial)
            flush_to_disk(path.parent)
        recovery.retire_old_list(root)


def _is_damage(path: Path, error: Exception) -> bool:
    """Whether the file itself is at fault; a full disk or a lock that another process holds are not its fault."""
    if isinstance(error, OSError):
        return error.errno in (errno.EISDIR, errno.EACCES, errno.EPERM) and os.path.lexists(path)
    if not os.path.lexists(path):
        return False
    if "unable to open" in str(error):
        return not path.is_file() or not os.access(path, os.R_OK | os.W_OK)
    return not isinstance(error, sqlite3.OperationalError) or "no such" in str(error)


def _set_aside(root: Path, error: Exception) -> None:
    with _alone(root):
        path = root / LEDGER
        try:
            if _is_current(root) and _is_sound(path):  # another process made it anew meanwhile
                return
        except (sqlite3.DatabaseError, OSError):
            pass
        if os.path.lexists(path):
            kept = set_aside(path)
            warnings.warn(
                f"{path} is damaged ({error}). It is kept as {kept.name}, and the ledger is made anew from receipts, "
                "tables and archive; batches that were accepted and are not merged yet wait again.",
                stacklevel=4,
            )
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


def _is_sound(path: Path) -> bool:
    with closing(_connect(path)) as ledger:
        return bool(ledger.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One process at a time makes the ledger."""
    with held(root / _LOCK, f"the ledger in {root}", MAKING_SECONDS):
        yield
