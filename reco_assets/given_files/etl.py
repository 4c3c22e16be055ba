"""`reco etl` and `futures` with paths: the platform's own tables, or the same cleaning on files that are given."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from reco_assets.given_files.own_paths import (
    ArgumentsError,
    presplit_folder,
    require_future_of_source,
    say_where_parquet_would_be,
)
from reco_assets.pipelines.selections import ETL, FUTURES
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.make import Make
from reco_assets.silver.quarantine import Cleaned
from reco_assets.silver.ratings import clean_ratings
from reco_assets.sources.netflix import blocks_table
from reco_assets.sources.raw_forms import raw_form_of
from reco_assets.sources.source import read_raw
from reco_assets.sources.unreadable import watched
from reco_assets.split.futures import write_futures_csv
from reco_assets.split.history import export_futures
from reco_assets.tables import QUARANTINE_RATINGS, SIDE_TABLES, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY
from reco_assets.workspace import FUTURE_CSV, but_for_own
from resources.locking.folder_lock import folder_lock
from resources.settings import Settings, load_settings
from resources.tables.files import table_row_count
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import write_table


def etl(
    settings: Settings,
    sources: Mapping[str, Path],
    outputs: Mapping[str, Path],
    config: Mapping[str, Mapping[str, Any]],
    make: Make,
) -> list[Mapping[str, Any]]:
    """Make the platform's tables; where all files that come split go to folders of their own, write those alone.

    Args:
        settings: The platform's.
        sources: By side, `train` or `test`, a file in blocks.
        outputs: By side, a Parquet folder; the platform's own stands for its table.
        config: Of the step that loads raw data.
        make: Makes the assets.

    Returns:
        What each folder that is not the platform's own holds, and the rows of the tables.

    Raises:
        ArgumentsError: A file has no output.
        OwnPathError: Files cannot become the platform's own tables.
        LakehouseError: A folder cannot be written.
    """
    others = {side: path for side, path in outputs.items() if but_for_own(settings, path, SIDE_TABLES[side].name)}
    for side in sources.keys() - outputs.keys():
        raise ArgumentsError(f"--{side}-file needs --parquet-{side}-path: where its rows go")
    if sources and sources.keys() <= others.keys():
        made = {side: _clean_file(settings, path, others[side]) for side, path in sources.items()}
        return [hand_over(settings, made)]
    if sources:
        settings = load_settings(reco_source="presplit", reco_source_path=presplit_folder(sources))
    say_where_parquet_would_be(settings, {SIDE_TABLES[side].name: path for side, path in outputs.items()})
    outcome = make(settings, ETL, "etl", config)
    rows = {name: values.get("dagster/row_count") for name, values in outcome.metadata.items()}
    exported = [_export_table(settings, SIDE_TABLES[side].name, path) for side, path in others.items()]
    return [*exported, {name: count for name, count in rows.items() if count is not None}]


def futures(settings: Settings, future_file: Path | None, csv_output: Path | None, make: Make) -> Mapping[str, Any]:
    """Export the platform's future ratings as CSV, or a file in blocks where the output is none of its own.

    Returns the CSV's path and row count. Raises `OwnPathError`, `SourceError`, `LakehouseError`.
    """
    output = but_for_own(settings, csv_output, FUTURE_CSV)
    if output:
        lakehouse = Lakehouse.open(settings)
        if future_file:
            rows = write_futures_csv(_cleaned(lakehouse, future_file).good.read_all(), output)
        else:
            rows = export_futures(lakehouse, output)
        return hand_over(settings, {"path": str(output), "rows": rows})
    if future_file:
        require_future_of_source(settings, future_file)
    return make(settings, FUTURES, "futures").metadata[FUTURES[0]]


def _clean_file(settings: Settings, source: Path, output: Path) -> dict[str, Any]:
    """Clean one block-format file into a Parquet folder, refused rows into `<output>_quarantine` beside it."""
    lakehouse = Lakehouse.open(settings)
    cleaned = _cleaned(lakehouse, source)
    columns = [field.name for field in TRAIN_RATINGS.schema.fields]
    quarantine = output.with_name(f"{output.name}_quarantine")
    good = cleaned.good.read_all()
    good = good.append_column("origin", pa.repeat(HISTORY, len(good))).select(columns)
    with _lock_of(settings, output):
        write_table(lakehouse.engine, QUARANTINE_RATINGS, quarantine, cleaned.quarantined, "parquet")
        write_table(lakehouse.engine, TRAIN_RATINGS, output, good, "parquet")
    return {"path": str(output), "rows": table_row_count(output), "quarantined": table_row_count(quarantine)}


def _export_table(settings: Settings, table: str, output: Path) -> dict[str, Any]:
    lakehouse = Lakehouse.open(settings)
    with _lock_of(settings, output):
        write_table(lakehouse.engine, TRAIN_RATINGS, output, lakehouse.read(table), "parquet")
    return {"path": str(output), "rows": table_row_count(output)}


def _cleaned(lakehouse: Lakehouse, source: Path) -> Cleaned[pa.RecordBatchReader]:
    limit, now = lakehouse.settings.quality.quarantine_max_share, datetime.now(UTC)
    blocks = watched(blocks_table({source.name: source}), {source.name: source}, limit, now)
    raw = read_raw(blocks).read_all()
    return clean_ratings(raw, raw_form_of(raw.schema, source.name), now)


def _lock_of(settings: Settings, table: Path) -> AbstractContextManager[None]:
    """The lock of the folder that a given table lies in: one writer at a time."""
    return folder_lock(table.absolute().parent, settings.storage.lock_timeout_seconds)
