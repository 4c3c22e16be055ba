"""Small files that a reader sees whole: the old text or the new."""

import json
import os
import uuid
import warnings
from pathlib import Path
from typing import Any


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(written: Path, path: Path) -> None:
    """Rename a file that is complete to its name, also where a folder of that name lies: that is kept beside it."""
    if path.is_dir() and not path.is_symlink():
        warnings.warn(f"{path} is a folder, and is kept as {set_aside(path).name}: a file belongs there.", stacklevel=2)
    written.replace(path)


def write_json(path: Path, document: Any) -> None:
    """Replace a JSON file atomically; keys keep their order."""
    write_text_atomically(path, json.dumps(document, indent=2) + "\n")


def set_aside(path: Path) -> Path:
    """Rename a damaged file to a free name beside it, `<name>.damaged`; returns where it lies now."""
    kept, number = path.with_name(f"{path.name}.damaged"), 2
    while os.path.lexists(kept):
        kept, number = path.with_name(f"{path.name}.damaged-{number}"), number + 1
    return path.rename(kept)
