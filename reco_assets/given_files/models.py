"""The documents' path arguments: the same cleaning, models and metrics on files that are given."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from reco_assets.given_files.tables import columns_of, existing
from reco_assets.models.assets import fit
from reco_assets.models.baselines import fit_baselines
from reco_assets.models.judging.evaluation import Protocol, evaluate_baselines
from reco_assets.models.judging.evaluation import evaluate as evaluate_model
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.store import load_model, model_store, read_facts, save_model
from reco_assets.silver import layouts
from reco_assets.silver.cleaning import clean_ratings
from reco_assets.sources.netflix import blocks_table
from reco_assets.sources.unreadable import watched
from reco_assets.split.assets import futures_path
from reco_assets.split.futures import write_futures_csv
from reco_assets.tables import QUARANTINE_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY, RATING_COLUMNS
from resources.engine import Engine
from resources.folder_lock import folder_lock
from resources.settings import Settings
from resources.tables.files import sweep, table_row_count, write_frame
from resources.tables.lakehouse import Lakehouse

TRAIN_PATH = "parquet_train_path"


def etl_file(settings: Settings, source: Path, output: Path) -> dict[str, Any]:
    """Clean one block-format file into a Parquet folder, refused rows into `<output>_quarantine` beside it.

    Returns the row counts. Raises `SourceError`, `LakehouseError`.
    """
    lakehouse = _lakehouse(settings)
    cleaned = clean_ratings(layouts.ratings_as_text(_blocks(lakehouse, source)), datetime.now(UTC))
    columns = [field.name for field in TRAIN_RATINGS.schema.fields]
    quarantine = output.with_name(f"{output.name}_quarantine")
    good = cleaned.good.withColumn("origin", F.lit(HISTORY)).select(*columns)
    with _only_writer(settings, quarantine, output):
        write_frame(lakehouse.engine, QUARANTINE_RATINGS, quarantine, cleaned.quarantined, "parquet")
        write_frame(lakehouse.engine, TRAIN_RATINGS, output, good, "parquet")
    return {"path": str(output), "rows": table_row_count(output), "quarantined": table_row_count(quarantine)}


def export_table(settings: Settings, table: str, output: Path) -> dict[str, Any]:
    """Copy one of the platform's split tables to a Parquet folder; returns its row count."""
    lakehouse = _lakehouse(settings)
    with _only_writer(settings, output):
        write_frame(lakehouse.engine, TRAIN_RATINGS, output, lakehouse.read(table), "parquet")
    return {"path": str(output), "rows": table_row_count(output)}


def export_futures(settings: Settings, source: Path | None, output: Path | None) -> dict[str, Any]:
    """Write a block-format file (or the platform's future ratings) as CSV; returns the path and row count."""
    lakehouse = _lakehouse(settings)
    if source:
        future = clean_ratings(layouts.ratings_as_text(_blocks(lakehouse, source)), datetime.now(UTC)).good
    else:
        future = lakehouse.read("silver/future_ratings")
    path = output or futures_path(settings)
    return {"path": str(path), "rows": write_futures_csv(future, path)}


def train_on(settings: Settings, source: Path | None, output: Path | None) -> dict[str, Any]:
    """Train on a Parquet or Delta folder (or the platform's table) into a folder (or the platform's store)."""
    lakehouse, store = _lakehouse(settings), model_store(settings)
    train_path = existing(source) if source else lakehouse.path(TRAIN_RATINGS.name)
    train = _ratings(train_path)
    with store.new_version(str(output) if output else None) as (version, path):
        model, save_native = fit(lakehouse, train)
        facts = {
            "version": version,
            "engine": lakehouse.engine.name,
            "split": "as_given",
            "inputs": {TRAIN_PATH: _recorded(lakehouse, train_path)},
            "train_count": len(train),
            "seed": settings.training.seed,
        }
        save_model(path, model, facts, save_native)
    return {"model_path": str(path), "version": version, "train_count": len(train)}


def evaluate_files(settings: Settings, model_path: Path | None, test_path: Path | None) -> dict[str, Any]:
    """Judge a model folder (or the newest version) on a Parquet or Delta folder (or the platform's test table).

    Movies a user rated in what the model was trained on are left out of the lists, as far as that is still there.
    """
    lakehouse, store = _lakehouse(settings), model_store(settings)
    folder = model_path or store.path(store.latest())
    facts = read_facts(folder)
    source = existing(test_path) if test_path else lakehouse.path("silver/test_ratings")
    test = _ratings(source)
    train = _ratings(_trained_on(lakehouse, facts))
    protocol = Protocol(
        settings.judging.k, settings.judging.rating_threshold, settings.judging.cold_start_strategy, facts["split"]
    )
    model = load_model(folder)
    found = evaluate_model(model, test, train, protocol)
    beside = evaluate_baselines(fit_baselines(train), model, test, train, protocol)
    return {"model_path": str(folder), "test_parquet": str(source), **found.document(), **beside.document()}


@contextmanager
def _only_writer(settings: Settings, *tables: Path) -> Iterator[None]:
    """Hold the lock of the folder that given tables lie in, and remove what killed writers left there."""
    with folder_lock(tables[0].absolute().parent, settings.storage.lock_timeout_seconds):
        for table in tables:
            sweep(table.absolute())
        yield


def _lakehouse(settings: Settings) -> Lakehouse:
    return Lakehouse(settings, Engine(settings))


def _blocks(lakehouse: Lakehouse, source: Path) -> Any:
    limit = lakehouse.settings.quality.quarantine_max_share
    table = watched(blocks_table((source,)), {source.name: source}, limit, datetime.now(UTC))
    import pyarrow as pa

    return lakehouse.engine.session.createDataFrame(pa.Table.from_batches(table.batches(), table.schema))


def _ratings(path: Path) -> Ratings:
    return Ratings.from_arrow(columns_of(path, RATING_COLUMNS))


def _trained_on(lakehouse: Lakehouse, facts: dict[str, Any]) -> Path:
    path = facts["inputs"].get(TRAIN_PATH)
    return existing(lakehouse.root / path) if path else lakehouse.path(TRAIN_RATINGS.name)


def _recorded(lakehouse: Lakehouse, path: Path) -> str:
    """A path as a version remembers it: below the lakehouse relative to it, as both are copied and moved together."""
    inside = path.resolve()
    return str(inside.relative_to(lakehouse.root)) if inside.is_relative_to(lakehouse.root) else str(path)
