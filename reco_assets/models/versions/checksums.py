"""What a folder's files are, by their content."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder, by its path in it, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def changed_files(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """Which of the expected files are missing or have another content."""
    return [
        name for name, digest in expected.items() if not (folder / name).is_file() or _sha256(folder / name) != digest
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
