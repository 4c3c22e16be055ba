"""Files that someone names by a path: where a path may lead, and what a file must be before it is touched."""

import os
from pathlib import Path

from reco_assets.sources.source import SourceError
from reco_assets.sources.text_files import COMPRESSED, check_header, check_plain
from reco_assets.streaming.landing import HAS_A_WRITER, LandingError, open_regular
from reco_assets.streaming.writers import Look, Writers
from reco_assets.vocabulary import CSV_COLUMNS


def name_in_folder(folder: Path, path: Path) -> str:
    """The bare name of a file that lies in the streaming folder itself.

    Raises `LandingError` for a path that leads anywhere else: run configuration may come from whoever reaches the web
    server, and the file it names is deleted once it is taken in.
    """
    inside = ".." not in path.parts and path.name and path.name[0] not in "_."
    if not (inside and (folder / path.parent).resolve() == folder.resolve()):
        raise LandingError(
            f"{path} does not lie in the streaming folder {folder}, and a run takes files from there alone. Copy it "
            "there, or name it to `reco stream process`, which takes in a copy."
        )
    return path.name


def lies_in_folder(folder: Path, path: Path) -> bool:
    """Whether the path is that of a file in the streaming folder itself, by whatever links it leads there."""
    return path.parent.resolve() == folder.resolve() and path.name[:1] not in ("_", ".")


def require_ready(path: Path) -> None:
    """Raise `LandingError` unless this is a regular file that nobody writes to, `SourceError` on a wrong header."""
    handle = open_regular(path)
    try:
        if Look().writers(handle) is Writers.SOME:
            raise LandingError(f"{path} cannot be taken in: {HAS_A_WRITER}. Wait until that ends.")
        if os.fstat(handle).st_size == 0:
            raise SourceError(path, None, "the file is empty", "Replace it by a complete copy.")
        check_plain(path, os.pread(handle, max(map(len, COMPRESSED)), 0))  # the next would unpack it
        check_header(path, CSV_COLUMNS)
    finally:
        os.close(handle)
