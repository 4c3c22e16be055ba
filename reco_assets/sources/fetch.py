"""Downloading a MovieLens release from GroupLens: checked, unpacked, and visible only when complete."""

import errno
import io
import re
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from reco_assets.sources.source import SourceError
from reco_assets.sources.unpacking import UnpackError, unpack
from resources.calls.outside import STARTUP_SECONDS, OutsideError, call_once, step

BASE_URL = "https://files.grouplens.org/datasets/movielens"
RELEASES = ("ml-latest-small", "ml-25m")
REQUIRED = ("ratings.csv", "movies.csv")
TIMEOUT_SECONDS = 30  # of a connection, and between two parts of a file
SMALL_FILE_SECONDS, ARCHIVE_SECONDS = 60.0, 3600.0  # of a whole file: ml-25m, 250 MB, at 70 KB a second
SMALL_FILE_BYTES, ARCHIVE_BYTES = 64 << 10, 1 << 30


def fetch(name: str, folder: Path, *, base_url: str = BASE_URL, progress: bool = True) -> Path:
    """Download `<base_url>/<name>.zip` and unpack it to `folder/name`; return that path.

    The zip must match the MD5 that the server publishes beside it as `<name>.zip.md5`. Where the release already
    is, nothing is done. On an error `folder` stays without the release and without remains of it.
    Raises `SourceError` naming the URL or file, the rule and what to do.
    """
    release = folder / name
    if name not in RELEASES:
        raise SourceError(name, None, f"no such release, there are {', '.join(RELEASES)}", "Name one of them.")
    if _is_complete(release):
        return release
    if release.exists():
        rule = f"this is in the way and does not hold {' and '.join(REQUIRED)}"
        raise SourceError(release, None, rule, "Move it away and fetch again.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # In the target's own folder: only within one file system is renaming a folder one step.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as staging:
            unpacked = _fetch(name, f"{base_url.rstrip('/')}/{name}.zip", Path(staging), progress)
            unpacked.rename(release)
    except OSError as error:
        if not _is_complete(release):  # it is, where another fetch was faster
            raise SourceError(release, None, f"it cannot be written: {error}", "Check disk and rights.") from None
    return release


def _fetch(name: str, url: str, staging: Path, progress: bool) -> Path:
    archive, md5 = staging / f"{name}.zip", staging / f"{name}.zip.md5"
    _download(f"{url}.md5", md5, seconds=SMALL_FILE_SECONDS, most_bytes=SMALL_FILE_BYTES)
    published = _published_md5(f"{url}.md5", md5)
    _download(url, archive, seconds=ARCHIVE_SECONDS, most_bytes=ARCHIVE_BYTES, progress=progress)
    _check_md5(url, archive, published)
    _unpack(url, archive, name, staging / "unpacked")
    return staging / "unpacked" / name


def _is_complete(release: Path) -> bool:
    return all((release / required).is_file() for required in REQUIRED)


def _download(url: str, target: Path, *, seconds: float, most_bytes: int, progress: bool = False) -> None:
    """Download in a process that is ended when it takes longer, whatever the server sends meanwhile."""
    try:
        call_once(f"{__name__}:download", url, target, progress, most_bytes, seconds=seconds, shown=progress)
    except OutsideError as error:
        rule = f"the download failed ({error})"
        raise SourceError(url, None, rule, "Check the network and the server, then fetch again.") from None


class _BoundedFile(io.FileIO):
    """A new file that takes so many bytes and no more, whatever length the server said its answer has."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__(path, "w")
        self._left = most_bytes

    def write(self, data: Any) -> int:
        """Write, or raise `OSError` when it would be too much."""
        self._left -= len(data)
        if self._left < 0:
            raise OSError(errno.EFBIG, "it is larger than allowed")
        return super().write(data)


def download(url: str, target: Path, progress: bool, most_bytes: int) -> None:
    """Download a file of at most that size. Raises `OSError`, which says the reason in a word or two."""
    step(STARTUP_SECONDS)
    import pooch

    step()
    try:
        with _BoundedFile(target, most_bytes) as file:
            pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT_SECONDS)(url, file, None)
    except OSError as error:  # every error of requests is one
        status = getattr(getattr(error, "response", None), "status_code", None)
        raise OSError(f"HTTP {status}" if status else error.strerror or type(error).__name__) from None


def _published_md5(url: str, path: Path) -> str:
    # GroupLens writes both forms: "MD5 (x.zip) = <md5>" and "<md5>  x.zip".
    found = re.search(rb"\b[0-9a-fA-F]{32}\b", path.read_bytes())
    if found is None:
        raise SourceError(url, None, "this file holds no MD5", "Fetch again later.")
    return found.group().decode().lower()


def _check_md5(url: str, archive: Path, published: str) -> None:
    import pooch

    md5 = pooch.file_hash(str(archive), alg="md5")
    if md5 != published:
        rule = f"the download's MD5 is {md5}, but the server publishes {published}"
        raise SourceError(url, None, rule, "It is damaged or was just replaced: fetch again.")


def _unpack(url: str, archive: Path, name: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as files:
            members = files.namelist()
        if missing := [f"{name}/{required}" for required in REQUIRED if f"{name}/{required}" not in members]:
            rule = f"the zip holds no {' and no '.join(missing)}"
            raise SourceError(url, None, rule, "Check that this is the release's URL.")
        unpack(archive, target)
    except UnpackError as error:
        raise SourceError(url, None, f"the zip is not unpacked: {error}", "Do not trust this zip.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise SourceError(url, None, f"the zip cannot be unpacked: {error}", "Fetch again.") from None
