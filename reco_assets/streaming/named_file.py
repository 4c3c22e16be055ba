"""A file that someone names on the command line, as configuration of the run that takes it in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reco_assets.streaming.handed_in import lies_in_folder
from reco_assets.streaming.intake import LOCK, NoFilesError, hand_in
from reco_assets.workspace import STREAMING, documented_paths
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


def is_streamed(settings: Settings, path: Path) -> bool:
    """Whether a file lies in the streaming folder, the platform's or the documents', from which files are taken."""
    return lies_in_folder(settings.storage.landing, path) or _is_documented(settings, path)


def _is_documented(settings: Settings, path: Path) -> bool:
    return path.parent.resolve() in documented_paths(settings, STREAMING)


@contextmanager
def named_file(settings: Settings, path: Path | None, *, move: bool) -> Iterator[dict[str, Any]]:
    """The configuration of an intake run that takes this file: by its path in the streaming folder, else as a copy.

    Run configuration names files of the streaming folder alone, so a file that lies elsewhere is claimed first, and
    the intake is locked until the run has ended: another would take the claim. Where the documents' streaming folder is
    another one, a file there goes as documented. Raises as `hand_in`, and `NoFilesError`.
    """
    documented = path is not None and _is_documented(settings, path)
    if path is None:
        yield {}
    elif lies_in_folder(settings.storage.landing, path) or (documented and not os.path.lexists(path)):
        yield {"csv_path": str(settings.storage.landing / path.name)}
    elif not os.path.lexists(path):
        raise NoFilesError(f"{path} does not exist. Put a file DATE,CUST_ID,MOVIE_ID,RATING there.")
    else:
        lakehouse = Lakehouse.open(settings)
        with lakehouse.lock(LOCK):
            hand_in(lakehouse, path, move=move or documented)
            yield {"files": []}
