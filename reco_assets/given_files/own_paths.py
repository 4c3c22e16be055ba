"""When the documents' path arguments name the platform's own tables: then the assets are made, as without paths."""

import sys
from collections.abc import Mapping
from pathlib import Path

from reco_assets.models.serving import serving_store
from reco_assets.sources.presplit import came_split
from reco_assets.vocabulary import SIDES
from reco_assets.workspace import documented_paths, own_path
from resources.errors import RecoError
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


class ArgumentsError(RecoError):
    """Arguments that do not go together; the message says which, and what is missing."""


class OwnPathError(RecoError):
    """Given files cannot become the platform's own tables; the message says which and why."""


def say_where_parquet_would_be(settings: Settings, outputs: Mapping[str, Path | None]) -> None:
    """One line for each output, by what it names, at whose path nothing is written: it only stands for the table."""
    if settings.storage.publish_paths == "on":
        return
    for name, path in outputs.items():
        if path and path.resolve() in documented_paths(settings, name):
            text = f"{path} stands for {own_path(settings, name)}; PUBLISH_PATHS=on keeps a plain copy there as well."
            print(text, file=sys.stderr, flush=True)


def is_candidate(settings: Settings, model: Path) -> bool:
    """Whether a folder is the version trained last, and by the assets, so that it is the one that they judge."""
    store = serving_store(settings)
    newest = store.versions()[-1:]
    return [model.resolve()] == [store.path(version) for version in newest if store.record(version).dagster_run_id]


def presplit_folder(files: Mapping[str, Path]) -> Path:
    """The folder from which the ETL reads ratings that come split; `files` by side, train and test.

    Raises `OwnPathError` when they do not lie there as it takes them.
    """
    given = {side: path.absolute() for side, path in files.items()}
    folder = next(iter(given.values())).parent
    taken = {side: folder / f"{side}.txt" for side in SIDES[:2]}
    if given != taken or (folder / "combined").is_dir():  # where the ETL would look instead
        raise OwnPathError(
            f"{', '.join(str(path) for path in given.values())} cannot become the platform's own tables: that takes "
            "train.txt and test.txt in one folder. Lay them out so, or give other output paths."
        )
    return folder


def require_future_of_source(settings: Settings, future_file: Path) -> None:
    """Raise `OwnPathError` unless a file is what the platform's future ratings may have come from."""
    if not future_file.is_file():
        raise OwnPathError(f"{future_file} does not exist. Check the path of --future-file.")
    if future_file.name != f"{SIDES[-1]}.txt" or not came_split(Lakehouse.open(settings).dataset("bronze/ratings")):
        raise OwnPathError(
            f"The platform's future ratings did not come from {future_file}. Leave out --future-file to export them "
            "all the same, or give another --csv-output-path to convert the file."
        )
