"""Who was forgotten: keyed hashes of ids, by which every way in leaves out what comes of these users again.

The key is random, one for a lakehouse, and lies beside the hashes, readable by the platform's user alone. Ids are few:
whoever has the key can try all of them. So the hashes protect a copy of themselves, and no copy of the whole lakehouse.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac

from resources.errors import RecoError
from resources.files import write_json

FOLDER = Path("ops", "forgotten")  # below the lakehouse
KEY_FILE, HASHES_FILE = "key", "tombstones.json"
# In place of a line of an archived file that was of a forgotten user, so that every other line keeps its number.
FORGOTTEN_LINE = b"#forgotten"


class TombstoneError(RecoError):
    """The tombstones can't be read, so nothing may come in; the message says what to do."""


@dataclass(frozen=True)
class Tombstones:
    """The hashes of those who were forgotten; `key` makes them. There may be none."""

    key: bytes = b""
    hashes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def has(self, said: object) -> bool:
        """Whether the user of this id, a number or the source's text, was forgotten."""
        return bool(self.hashes) and hash_of(self.key, said) in self.hashes

    def among(self, ids: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Which of n ids, numbers or texts, are of forgotten users: (n,) bool, false for null."""
        distinct = pac.unique(ids).drop_null()
        gone = [said for said in distinct.to_pylist() if self.has(said)] if self.hashes else []
        return pac.is_in(ids, pa.array(gone, distinct.type))


def hash_of(key: bytes, said: object) -> str:
    """The keyed hash (BLAKE2b, 128 bits) of an id; a number and its digits have the same, leading zeros or not."""
    text = str(said).strip()
    plain = str(int(text)) if text.isascii() and text.isdecimal() else text
    return hashlib.blake2b(plain.encode(), key=key, digest_size=16).hexdigest()


def read_tombstones(root: Path) -> Tombstones:
    """The tombstones of a lakehouse. Raises `TombstoneError` where they are damaged, or their key is gone."""
    folder = root / FOLDER
    try:
        hashes = frozenset(map(str, json.loads((folder / HASHES_FILE).read_text())["hashes"]))
    except FileNotFoundError:
        return Tombstones()
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / HASHES_FILE, str(error)) from None
    key = _key(folder)
    if hashes and key is None:
        raise _damaged(folder / KEY_FILE, "it is gone")
    return Tombstones(key or b"", hashes)


def add_tombstones(root: Path, said: Iterable[object]) -> Tombstones:
    """Enter ids for good; those that are entered stay as they are. Returns all. Raises `TombstoneError`."""
    known, folder = read_tombstones(root), root / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = known.key or _key(folder) or _new_key(folder)
    hashes = known.hashes | {hash_of(key, each) for each in said}
    if hashes != known.hashes:
        write_json(folder / HASHES_FILE, {"hash": "blake2b-128, keyed", "hashes": sorted(hashes)})
    return Tombstones(key, hashes)


def _key(folder: Path) -> bytes | None:
    try:
        return bytes.fromhex((folder / KEY_FILE).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(folder / KEY_FILE, str(error)) from None


def _new_key(folder: Path) -> bytes:
    """Made under another name, so that a process that is killed leaves no part of a key."""
    key, made = secrets.token_bytes(32), folder / f".{KEY_FILE}"
    made.unlink(missing_ok=True)
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key.hex())
        file.flush()
        os.fsync(file.fileno())
    made.replace(folder / KEY_FILE)
    return key


def _damaged(path: Path, why: str) -> TombstoneError:
    return TombstoneError(
        f"{path} can't be read ({why}), so it isn't known whose ratings must stay out, and nothing is taken in. Bring "
        "it back from a backup."
    )
