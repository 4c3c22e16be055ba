"""Small JSON documents, read as what they must be: a field of another type is an error that names file and field."""

import os
import stat
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from resources.errors import RecoError

T = TypeVar("T")
LARGEST_BYTES = 64 * 2**20
_SHOWN_ALREADY = ("missing", "value_error", "json_invalid")


class DocumentError(RecoError):
    """A document is not what it must be; the message names the file, the field and the rule."""


def read_document(path: Path, kind: type[T]) -> T:
    """A document of a kind: a frozen pydantic model or dataclass. Raises `DocumentError`, `FileNotFoundError`."""
    return checked(path, read_file(path), kind)


def read_file(path: Path) -> bytes:
    """The content of a regular file; a link is not followed. Raises `DocumentError`, `FileNotFoundError`."""
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DocumentError(f"{path} is damaged ({'it is a link' if path.is_symlink() else error.strerror})") from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST_BYTES:
        os.close(handle)
        raise DocumentError(f"{path} is damaged (it is no file, or one of more than {LARGEST_BYTES >> 20} MB)")
    with os.fdopen(handle, "rb") as file:
        return file.read()


def checked(path: Path, content: bytes, kind: type[T]) -> T:
    """What a file holds, as a document of a kind. Raises `DocumentError`."""
    try:
        adapter: TypeAdapter[T] = TypeAdapter(kind)
        return adapter.validate_json(content, strict=True)
    except ValidationError as error:
        found = error.errors()[0]
        field = ".".join(str(part) for part in found["loc"])
        rule = found["msg"].removeprefix("Value error, ").removeprefix("Input ")
        shown = "" if found["type"] in _SHOWN_ALREADY else f", and is {_short(found['input'])}"
        raise DocumentError(f"{path} is damaged ({field and field + ': '}{rule}{shown})") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
