"""Where a table's files lie: in its folder, or on object storage, where a note in that folder leads.

The folder stays the table's place in the lakehouse, with its lock and for all that finds tables by their paths: a table
is there, or moved away, when its folder is.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from pyarrow import fs

LOCAL = fs.LocalFileSystem()
LOG = "_delta_log"
NOTE = "_lies_at"


def noted_uri(path: Path) -> str | None:
    """The URI of the files of the table at `path`; None where they lie in its folder."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (path / NOTE).read_text(encoding="utf-8").strip()
    return None


def note_uri(path: Path, uri: str) -> None:
    """Make the folder of a table whose files are to lie at `uri`."""
    path.mkdir(parents=True)
    (path / NOTE).write_text(f"{uri}\n", encoding="utf-8")


def files_of(path: Path) -> fs.FileSystem:
    """The files of the table at `path`, by the names that its log has for them."""
    uri = noted_uri(path)
    if uri is None:
        return fs.SubTreeFileSystem(str(path.absolute()), LOCAL)
    return fs.SubTreeFileSystem(uri.removeprefix("s3://"), _object_storage())


def log_files(path: Path) -> list[fs.FileInfo]:
    """What lies in the log of the Delta table at `path`."""
    return list(files_of(path).get_file_info(fs.FileSelector(LOG)))


@cache
def _object_storage() -> fs.FileSystem:
    """Arrow's client, which takes keys from the environment as delta-rs and Sail do, but not where the server is."""
    return fs.S3FileSystem(endpoint_override=os.environ.get("AWS_ENDPOINT_URL"), region=os.environ.get("AWS_REGION"))
