"""How far forgetting reaches: the folders of the platform, and what lies beyond them."""

import os
from collections.abc import Iterator
from pathlib import Path

from reco_assets.features.store import store_path
from reco_assets.forgetting.certificate import NotReached
from reco_assets.forgetting.mentions import files_that_mention
from reco_assets.forgetting.packed import DAMAGED, packed_lines
from reco_assets.forgetting.people import People
from reco_assets.sources.remembered import recall
from reco_assets.workspace import NAMES, documented_paths
from resources.dagster_home import HOME
from resources.settings import Settings


def roots(settings: Settings) -> list[Path]:
    """The folders that the platform keeps data in, none below another: the lakehouse, and what is set elsewhere."""
    storage = settings.storage
    folders = [storage.root, storage.landing, store_path(settings).parent]
    folders += [settings.events.lake] if settings.events.lake else []
    folders += [Path(os.environ[HOME])] if os.environ.get(HOME) else []
    if storage.publish_paths == "on":
        folders += [path for name in NAMES.values() for path in documented_paths(settings, name)]
    there = {folder.resolve() for folder in folders if folder.is_dir()}
    return sorted(one for one in there if not any(other in one.parents for other in there))


def not_reached(settings: Settings, people: People) -> Iterator[NotReached]:
    """What a person has to see to, and how, in any case."""
    if source := _source(settings):
        yield NotReached(
            "the source's own files", str(source), "Remove the user there. Loading them again brings nothing back."
        )
    if settings.mlflow.tracking_uri:
        yield NotReached(
            "MLflow's server", "MLFLOW_TRACKING_URI", "Delete the runs of the versions named here, and run mlflow gc."
        )
    if settings.events.bootstrap_servers:
        yield NotReached(
            "topics of Kafka", settings.events.bootstrap_servers, "Wait for their retention, or delete records."
        )
    if not os.environ.get(HOME):
        yield NotReached("Dagster's runs", "DAGSTER_HOME", "Set it to where Dagster records, and run this again.")
    yield NotReached(
        "processes that serve", "HTTP servers of lists", "Start them again: they hold the model as it was."
    )
    yield NotReached("other copies", "backups of the disk, logs of Airflow, Spark and proxies", "See to them as well.")
    for root in roots(settings):
        for path in sorted([*root.rglob("*.gz"), *root.rglob("*.zip")]):
            if path.is_file() and _is_packed_there(path, people):
                yield NotReached("a packed file", str(path), "Unpack it and run this again, or remove it.")


def mentioned_still(settings: Settings, people: People) -> Iterator[NotReached]:
    """Files that have an id in their bytes after all: of a kind that has no holder, or with another's number."""
    for root in roots(settings):
        for path in files_that_mention(root, people):
            yield NotReached("a file that mentions them", str(path), "Look into it: the number may be a movie's.")


def _is_packed_there(path: Path, people: People) -> bool:
    """Whether what is packed, files of lines apart, has lines of the users, or nobody can say so."""
    try:
        return packed_lines(path, people, of_rows=False) > 0
    except DAMAGED:
        return True


def _source(settings: Settings) -> Path | None:
    """Where the source's files are, unless they lie in the lakehouse and call users what the holders look for."""
    root, known = settings.storage.root, recall(settings.storage.root)
    folder = settings.source.path or (known.path(root) if known else None)
    is_own = known is not None and known.kind == "columns"  # whose columns have any names
    return folder if folder and (is_own or root.resolve() not in folder.resolve().parents) else None
