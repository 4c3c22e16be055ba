"""The streaming verbs on files that are given: the same reader, split, scores and keys as on the platform's tables."""

import hashlib
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from reco_assets.drift.assessment import Compared, no_report, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of
from reco_assets.drift.histograms import RATINGS, of_frame, of_values
from reco_assets.drift.inputs import Reference, arrived, batch_cells, reference_versions, scan_batches
from reco_assets.drift.policy import DriftConfig, Reason
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Occurrences
from reco_assets.models.ratings import COLUMNS, Ratings
from reco_assets.models.store import find_current_model, load_model, model_store, read_facts
from reco_assets.streaming.accepted import waiting
from reco_assets.streaming.readable import require_readable_stream
from reco_assets.streaming.reader import parse_stream_file
from reco_assets.streaming.sides import hashed_split
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.workspace import WAITING_TEST, WAITING_TRAIN, but_for_own, own_version
from resources.lakehouse import Lakehouse
from resources.session import Engine
from resources.settings import Settings
from resources.table_files import LakehouseError, dataset_at, is_delta, read_path, table_exists

PAIR = ["user_id", "movie_id"]
KEY = [*PAIR, "rating_ts"]
ROW = [field.name for field in TRAIN_RATINGS.schema.fields]
SIDES = ("train", "test")
_NONE = Ratings(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True)
class DriftPaths:
    """The documented arguments of detect_drift; what is None is the platform's own."""

    model: Path | None = None
    original_train: Path | None = None
    current_train: Path | None = None
    original_test: Path | None = None
    current_test: Path | None = None

    def but_for_own(self, settings: Settings) -> "DriftPaths":
        """The paths that are not the platform's own; the streaming folder's train and test stand for what waits."""
        return DriftPaths(
            model=self.model and _but_for_champion(settings, own_version(settings, self.model)),
            original_train=but_for_own(settings, self.original_train, TRAIN_RATINGS.name),
            current_train=but_for_own(settings, self.current_train, WAITING_TRAIN),
            original_test=but_for_own(settings, self.original_test, TEST_RATINGS.name),
            current_test=but_for_own(settings, self.current_test, WAITING_TEST),
        )


def process(settings: Settings, csv_path: Path, output: Path) -> dict[str, Any]:
    """One CSV file into `<output>/{train,test,quarantine,archive}`, then delete it; returns the counts.

    Every part is named after the content, so that doing it again replaces and never doubles. Raises `SourceError`.
    """
    if not csv_path.is_file():
        raise LakehouseError(f"{csv_path} is no file. Give the path of a CSV file to --csv_path.")
    parsed = parse_stream_file(csv_path, csv_path.stat().st_mtime_ns)
    require_readable_stream(csv_path, parsed, settings.quarantine_max_share)
    with csv_path.open("rb") as handle:
        batch = hashlib.file_digest(handle, "sha256").hexdigest()
    rows = parsed.good.append_column("origin", pa.repeat(pa.scalar(batch), len(parsed.good))).select(ROW)
    split = hashed_split(rows["user_id"].to_numpy(), rows["movie_id"].to_numpy(), settings.stream_train_ratio)
    for side in SIDES:
        _write_part(output / side, batch, rows.filter(pa.array(split == side)))
    _write_part(output / "quarantine", batch, parsed.quarantined)
    (output / "archive").mkdir(exist_ok=True)
    shutil.move(csv_path, output / "archive" / f"{batch}.csv")
    return {
        "batch": batch,
        "lines": parsed.lines,
        "good": len(rows),
        "quarantined": len(parsed.quarantined),
        "duplicates": parsed.duplicates,
        **{side: int((split == side).sum()) for side in SIDES},
    }


def detect_drift(settings: Settings, paths: DriftPaths) -> dict[str, Any]:
    """The drift report of the given tables; what is not given is the platform's: champion, its data, waiting batches.

    Raises `LakehouseError`, `ModelStoreError`, `ReportError`.
    """
    lakehouse = Lakehouse(settings, Engine(settings))
    folder = paths.model or Path(find_current_model(settings))
    facts, model = read_facts(folder), load_model(folder)
    versions = {} if paths.original_train and paths.original_test else reference_versions(facts, lakehouse)
    train, train_version = _reference(paths.original_train, lakehouse, TRAIN_RATINGS.name, versions)
    test, test_version = _reference(paths.original_test, lakehouse, TEST_RATINGS.name, versions)
    trained = of_frame(RATINGS, read_path(lakehouse.engine, train, train_version))
    movies = Occurrences(model.movie_ids, model.item_counts)
    judged = ScoredRatings.of(model, _ratings(test, test_version))
    reference = Reference(facts["version"], model, versions, cells_of(trained, judged, movies), key="")
    config = DriftConfig.from_settings(settings)
    batches, scan = _new_ratings(paths, lakehouse, reference, config)
    compared = Compared(batches, facts["version"], {str(train): train_version, str(test): test_version})
    if not scan.starts.end:
        return no_report([Reason.NO_BATCHES], config, compared).document
    return report_on(scan, reference.cells, compared, config).document


def merge(streaming: Path, processed: Path) -> dict[str, Any]:
    """Add the rows of `<streaming>/{train,test}` to `<processed>/{train,test}`; doing it again adds nothing.

    A row whose user, movie and time are there already is left out, and a pair that one side has stays on that side.
    Returns the rows added to each. Raises `LakehouseError`.
    """
    new, known = ({side: _rows(folder / side) for side in SIDES} for folder in (streaming, processed))
    added = {}
    for side, other in (SIDES, SIDES[::-1]):
        own = _join(new[side], known[other], PAIR, "left anti")
        moved = _join(new[other], known[side], PAIR, "left semi")
        fresh = _join(pa.concat_tables([own, moved]), known[side], KEY, "left anti")
        added[side] = _first_per_key(fresh)
    for side, rows in added.items():
        _append(processed / side, rows)
    return {f"{side}_rows_added": len(rows) for side, rows in added.items()}


def _but_for_champion(settings: Settings, model: Path) -> Path | None:
    store = model_store(settings)
    champion = store.champion()
    return None if champion and model.resolve() == store.path(champion) else model


def _reference(
    path: Path | None, lakehouse: Lakehouse, table: str, versions: dict[str, int | None]
) -> tuple[Path, int | None]:
    """Where the champion's side of a comparison lies, and its Delta version where that is the platform's table."""
    return (_existing(path), None) if path else (lakehouse.path(table), versions[table])


def _new_ratings(
    paths: DriftPaths, lakehouse: Lakehouse, reference: Reference, config: DriftConfig
) -> tuple[list[str], Scan]:
    """The other side: the batches that wait, in windows, or the tables that are given, which are one window."""
    if paths.current_train and paths.current_test:
        return [], _one_window(_given(paths, reference), reference, config)
    arrivals = arrived(waiting(lakehouse))
    batches = [arrival.batch for arrival in arrivals]
    if not (paths.current_train or paths.current_test):
        return batches, scan_batches(lakehouse, reference, arrivals, config, Scan())
    waits = batch_cells(lakehouse, reference.model, arrivals, 0).compacted(np.zeros(1, np.int64))
    given = _given(paths, reference)
    sides = (given, waits) if paths.current_train else (waits, given)
    return batches, _one_window(Cells(sides[0].train, sides[1].warm, sides[0].movies), reference, config)


def _given(paths: DriftPaths, reference: Reference) -> Cells:
    """What the given tables hold; a side that is not given is empty."""
    train, test = (_ratings(path) if path else _NONE for path in (paths.current_train, paths.current_test))
    rated = of_values(RATINGS, train.user_id, train.rating)
    return cells_of(rated, ScoredRatings.of(reference.model, test), Occurrences.of(train.movie_id))


def _one_window(cells: Cells, reference: Reference, config: DriftConfig) -> Scan:
    arrival = Arrival("", "", int(cells.train[:, 3].sum()), int(cells.warm[:, 3].sum()))
    return Scan().take([arrival], cells, reference.cells, config)


def _write_part(folder: Path, name: str, rows: pa.Table) -> None:
    """A part file of a Parquet folder, seen whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.{uuid.uuid4().hex}"
    pq.write_table(rows, temporary)
    temporary.replace(folder / f"{name}.parquet")


def _append(path: Path, rows: pa.Table) -> None:
    if not len(rows):
        return
    if is_delta(path):
        write_deltalake(str(path), rows, mode="append")
    else:
        _write_part(path, f"merged-{uuid.uuid4().hex}", rows)


def _join(rows: pa.Table, known: pa.Table, keys: list[str], kind: str) -> pa.Table:
    return rows.join(known.select(keys), keys=keys, join_type=kind).select(rows.column_names)


def _first_per_key(rows: pa.Table) -> pa.Table:
    order = [*((name, "ascending") for name in KEY), ("origin", "ascending")]
    columns = [(name, "first") for name in rows.column_names if name not in KEY]
    grouped = rows.sort_by(order).group_by(KEY, use_threads=False).aggregate(columns)
    return grouped.rename_columns([name.removesuffix("_first") for name in grouped.column_names]).select(ROW)


def _rows(path: Path) -> pa.Table:
    return dataset_at(_existing(path)).to_table(columns=ROW).combine_chunks()


def _ratings(path: Path, version: int | None = None) -> Ratings:
    return Ratings.from_arrow(dataset_at(_existing(path), version).to_table(columns=list(COLUMNS)))


def _existing(path: Path) -> Path:
    if not path.exists() or not table_exists(path):
        raise LakehouseError(f"{path} is no Parquet or Delta folder with rows. Check the path.")
    return path.absolute()
