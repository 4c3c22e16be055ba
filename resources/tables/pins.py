"""Which versions of which tables, and which models, must outlive maintenance. Reads what models say of themselves."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resources.errors import RecoError

_NAMES_VERSIONS = ("inputs", "delta_versions")


class PinError(RecoError):
    """What must be kept cannot be known, so nothing may be removed; the message names the file."""


def pinned_versions(models: Path, *others: Path) -> dict[str, set[int]]:
    """By table, the Delta versions that any model or backup below a folder was trained or judged on, and those that
    other documents name.

    Every record there counts, that of an incomplete model too: what is removed is gone for good. The champion's are
    also what drift is measured against. Raises `PinError`.
    """
    pinned: dict[str, set[int]] = {}
    for record in (*sorted(models.rglob("*.json")), *others):
        for table, version in _versions_in(_read(record)):
            pinned.setdefault(table, set()).add(version)
    return pinned


def _versions_in(document: Any) -> Iterator[tuple[str, int]]:
    """Each (table, version) of every `inputs` or `delta_versions` in a document, however deep."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key in _NAMES_VERSIONS and isinstance(value, Mapping):
                yield from ((table, version) for table, version in value.items() if isinstance(version, int))
            yield from _versions_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from _versions_in(value)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:  # a model that was just removed
        return None
    except ValueError as error:
        raise PinError(
            f"{path} is damaged ({error}), so maintenance cannot know which table versions it needs and removes "
            "nothing. Mend it, or remove the model's folder if it is not wanted any more."
        ) from None
