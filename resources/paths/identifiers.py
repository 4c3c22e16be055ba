"""What versions, batches, reports and aliases may be called: files are named after them, so no name leads elsewhere."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator

from resources.errors import RecoError

# 20250101_120000_2, version_20250101_120000, a sha256, <sha256>+2, a run's uuid, champion.
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,127}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class IdentifierError(RecoError):
    """Something that came from outside is no id; the message says what it was, and what an id is."""


def identifier(value: Any, what: str) -> str:
    """The value, if it is an id: of letters, digits, `_`, `-` and `+`. Raises `IdentifierError`, which names `what`."""
    if not isinstance(value, str) or _IDENTIFIER.fullmatch(value) is None:
        raise IdentifierError(f"{what} {value!r} is no id: that is letters, digits, '_', '-' and '+', 128 at most.")
    return value


def _is_identifier(value: str) -> str:
    if _IDENTIFIER.fullmatch(value) is None:
        raise ValueError(f"{value!r} is no id of letters, digits, '_', '-' and '+'")
    return value


def _leads_inside(value: str) -> str:
    path = PurePosixPath(value)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in value or "\0" in value:
        raise ValueError(f"{value!r} is no path inside of the folder")
    return value


def _is_sha256(value: str) -> str:
    if _SHA256.fullmatch(value) is None:
        raise ValueError(f"{value!r} is no sha256")
    return value


Identifier = Annotated[str, AfterValidator(_is_identifier)]
InnerPath = Annotated[str, AfterValidator(_leads_inside)]  # of a file below the folder of the document that names it
Sha256 = Annotated[str, AfterValidator(_is_sha256)]
