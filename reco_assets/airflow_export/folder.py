"""The folder of an export: written, or compared. A file that isn't the export's own is never touched."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from reco_assets.airflow_export.render import MARKER
from reco_assets.airflow_export.spec import ExportError
from resources.files import write_text_atomically

MARKED_LINES = 5


@dataclass(frozen=True)
class Changes:
    """The files, by their paths below the folder, that an export would bring up to date or remove."""

    missing: tuple[str, ...]
    different: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """One line per file, and what is wrong with it."""
        named = {"is missing": self.missing, "differs": self.different, "is stale": self.stale}
        return [f"{name} {what}" for what, names in named.items() for name in names]


def changes(folder: Path, files: Mapping[str, str], kept: Set[str]) -> Changes:
    """What the folder lacks of the export. `kept` are names that may be there without being exported now.

    Raises `ExportError` when a name of the export is taken by something else.
    """
    found = dict(_own_files(folder))
    _refuse_foreign(folder, files, found)
    return Changes(
        missing=tuple(name for name in files if name not in found),
        different=tuple(name for name, text in files.items() if name in found and found[name] != text),
        stale=tuple(sorted(found.keys() - files.keys() - kept)),
    )


def write(folder: Path, files: Mapping[str, str], kept: Set[str]) -> Changes:
    """Bring the folder up to date and return what was done. Raises `ExportError` before anything is written."""
    needed = changes(folder, files, kept)
    for name in (*needed.missing, *needed.different):
        write_text_atomically(folder / name, files[name])
    for name in needed.stale:
        (folder / name).unlink()
    return needed


def _own_files(folder: Path) -> Iterator[tuple[str, str]]:
    for parent in (folder, folder / "common"):
        for path in sorted(parent.iterdir()) if parent.is_dir() else ():
            text = _text(path)
            if text is not None and any(MARKER in line for line in text.splitlines()[:MARKED_LINES]):
                yield path.relative_to(folder).as_posix(), text


def _text(path: Path) -> str | None:
    """None for what is no text file."""
    try:
        return path.read_bytes().decode() if path.is_file() else None
    except UnicodeDecodeError:
        return None


def _refuse_foreign(folder: Path, files: Mapping[str, str], own: Mapping[str, str]) -> None:
    taken = [name for name in files if name not in own and (folder / name).is_symlink() | (folder / name).exists()]
    taken += [str(path) for path in (folder, folder / "common") if path.exists() and not path.is_dir()]
    if taken:
        raise ExportError(
            f"{folder} holds what reco airflow export did not write: {', '.join(taken)}. "
            "Nothing was written. Move it away, or choose another folder."
        )
