"""Evidently's own report on the ratings that a model would be trained on next: what validate_data runs beside checks.

Evidently is an optional dependency group: where it isn't installed the asset is left out, which a line says.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from reco_assets.batches.accepted import waiting_batches
from reco_assets.models.serving import serving_store
from reco_assets.tables import STREAM_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import KEY as OF_A_RATING
from resources.locking.reservations import reserved_stamp
from resources.tables.appends import batch_rows
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NOT_INSTALLED = "Evidently is not installed: its report is left out. To add it: make evidently"
SAMPLE_ROWS = 20_000  # of either side: the report takes 8 s and 4 MB, most of it Evidently's own scripts
COLUMNS = ("rating", "rating_ts")
REPORTS = Path("quality", "evidently")
KEY = "quality/evidently"


@dataclass(frozen=True)
class Side:
    """Ratings to compare: where they are from, how many there are, and a sample of them."""

    name: str
    rows: int
    sample: pa.Table


@dataclass(frozen=True)
class Written:
    """A report that was written: its page, what it compares (`reference` is None without a champion), its figures."""

    page: Path
    reference: Side | None
    current: Side
    figures: Mapping[str, float]


def left_out(lakehouse: Lakehouse) -> str | None:
    """Why there can be no report, if so."""
    if find_spec("evidently") is None:
        return NOT_INSTALLED
    if not lakehouse.exists(TRAIN_RATINGS.name):
        return f"{TRAIN_RATINGS.name} does not exist yet, so there is nothing to report on."
    return None


def write_evidently(lakehouse: Lakehouse) -> Written:
    """Write Evidently's page on the ratings that wait (none: those trained on next) against the champion's own."""
    reference, current = _reference(lakehouse), _current(lakehouse)
    found = report(reference.sample if reference else None, current.sample)
    with reserved_stamp(lambda stamp: [_page(lakehouse, stamp)]) as stamp:
        page = _page(lakehouse, stamp)
        found.save_html(str(page))
    return Written(page, reference, current, drift_figures(found))


def report(reference: pa.Table | None, current: pa.Table) -> Any:
    """Evidently's snapshot: a summary of `current` and, beside a reference, the drift of each of the `COLUMNS`."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # it would report usage over the network
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    definition = DataDefinition(numerical_columns=["rating"], datetime_columns=["rating_ts"])

    def dataset(rows: pa.Table) -> Dataset:
        return Dataset.from_pandas(rows.to_pandas(), definition)

    if reference is None:
        return Report([DataSummaryPreset()]).run(dataset(current), None)
    return Report([DataSummaryPreset(), DataDriftPreset()]).run(dataset(current), dataset(reference))


def drift_figures(found: Any) -> dict[str, float]:
    """By a snapshot, how many columns drifted and how far ratings did; empty where there was no reference."""
    figures: dict[str, float] = {}
    for metric in found.dict()["metrics"]:
        name, value = str(metric["metric_name"]), metric["value"]
        if name.startswith("DriftedColumnsCount"):
            figures["drifted_columns"] = float(value["count"])
        elif name.startswith("ValueDrift(column=rating,"):
            figures["rating_drift"] = float(value)
    return figures


def sample(rows: pa.Table, seed: int) -> pa.Table:
    """At most `SAMPLE_ROWS` of n rows, the same ones for the same seed, in their order."""
    if rows.num_rows <= SAMPLE_ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(rows.num_rows, SAMPLE_ROWS, replace=False)
    return rows.take(pa.array(np.sort(chosen)))


def sample_of_frame(ratings: "DataFrame", seed: int) -> pa.Table:
    """At most `SAMPLE_ROWS` of the rows of a frame of ratings, the same ones for the same seed: those of least hash."""
    from pyspark.sql import functions as F

    least = ratings.orderBy(F.xxhash64(*OF_A_RATING, F.lit(seed))).limit(SAMPLE_ROWS)
    return least.select(*COLUMNS).toArrow()


def _page(lakehouse: Lakehouse, stamp: str) -> Path:
    return lakehouse.path(str(REPORTS), f"{stamp}.html")


def _reference(lakehouse: Lakehouse) -> Side | None:
    """The training ratings that the champion was trained on, None without one or where it names no Delta version."""
    store = serving_store(lakehouse.settings)
    champion = store.champion()
    version = store.record(champion).delta_version(TRAIN_RATINGS.name) if champion else None
    return None if version is None else _training(lakehouse, version)


def _current(lakehouse: Lakehouse) -> Side:
    """The ratings that wait or, where none do, today's training ratings."""
    batches = waiting_batches(lakehouse)
    if not batches:
        return _training(lakehouse, lakehouse.version(TRAIN_RATINGS.name))
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, batches, columns=list(COLUMNS))
    return _side(lakehouse, f"{STREAM_RATINGS.name}, {len(batches)} waiting batches", rows)


def _training(lakehouse: Lakehouse, version: int | None) -> Side:
    name = TRAIN_RATINGS.name if version is None else f"{TRAIN_RATINGS.name} v{version}"
    if lakehouse.goes_by_frames(TRAIN_RATINGS.name, version):
        count, frame = lakehouse.row_count(TRAIN_RATINGS.name, version), lakehouse.read(TRAIN_RATINGS.name, version)
        return Side(name, count, sample_of_frame(frame, lakehouse.settings.quality.seed))
    return _side(lakehouse, name, lakehouse.dataset(TRAIN_RATINGS.name, version).to_table(columns=list(COLUMNS)))


def _side(lakehouse: Lakehouse, name: str, rows: pa.Table) -> Side:
    return Side(name, rows.num_rows, sample(rows, lakehouse.settings.quality.seed))


def as_result(metadata: dict[str, Any] | None) -> dict[str, Any]:
    """What validate_data says of the report: its figures, or why there is none."""
    if metadata is not None:
        return metadata
    return {"left_out": NOT_INSTALLED if find_spec("evidently") is None else "There are no training ratings yet."}
