"""What a drift report compares, read from the lakehouse: the champion's own data against the waiting batches'.

A report reads the rows of batches that no report has seen. Of all others, and of the champion's own data, it keeps
counts beside the lakehouse's reports, and counts again where those are not exactly what it would count.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.accepted import waiting
from reco_assets.batches.receipt_files import Receipt
from reco_assets.drift.assessment import Compared, DriftReport, no_report, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_frame
from reco_assets.drift.kept import keep, kept, kept_folder
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.policy import Reason, as_document, reachable
from reco_assets.drift.reports import ReportError
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick
from reco_assets.drift.windows import Starts
from reco_assets.models.inputs import read_ratings
from reco_assets.models.interface import Recommender
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import ModelRecord
from reco_assets.models.serving import serving_store
from reco_assets.tables import STREAM_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import RATING_COLUMNS, TEST, TRAIN
from resources.tables.appends import BATCH, batch_rows
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FORMAT = 4  # of what is kept; raise it where cells, windows or findings change
AT_ONCE = 2_000  # batches read together
REFERENCE_FILE, WAITING_FILE = "reference.npz", "waiting.npz"


@dataclass(frozen=True)
class Reference:
    """A champion with the ratings it was trained and judged on, at the Delta versions it was.

    `key`: names all of that, the tables themselves included.
    """

    champion: str
    model: Recommender
    versions: dict[str, int | None]
    cells: Cells
    key: str


def report_on_waiting(lakehouse: Lakehouse) -> DriftReport:
    """Score all waiting batches against the champion's training and test ratings, in windows.

    Raises `ReportError` when the champion does not say which versions those are, `LakehouseError` when they are gone.
    """
    settings = lakehouse.settings
    config = reachable(settings.drift)
    champion = serving_store(settings).champion()
    received = waiting(lakehouse)
    arrivals = arrived(received)
    names, corrections = [receipt.batch for receipt in received], sum(receipt.corrections for receipt in received)
    if champion is None:
        missing = [Reason.NO_CHAMPION] if names else [Reason.NO_BATCHES, Reason.NO_CHAMPION]
        return no_report(missing, config, Compared(names))
    if not names:
        return no_report([Reason.NO_BATCHES], config, Compared(model_version=champion))
    reference = reference_of(lakehouse, champion)
    versions = reference.versions | {STREAM_RATINGS.name: lakehouse.version(STREAM_RATINGS.name)}
    path = kept_folder(settings) / WAITING_FILE
    yardstick = Yardstick(reference.cells, config)
    table = read_log(lakehouse, STREAM_RATINGS.name).table_id
    source = [reference.key, table, as_document(config), [signal.name for signal in yardstick.signals]]
    scan = _kept_scan(path, source, arrivals)
    if scan.starts.end < len(arrivals):
        scan = scan_batches(lakehouse, reference.model, arrivals, yardstick, scan)
        _keep_scan(path, source, arrivals, scan)
    return report_on(scan, Compared(names, champion, versions, corrections), yardstick)


def arrived(received: Sequence[Receipt]) -> list[Arrival]:
    """What a report needs to know of batches that were taken in, in the same order."""
    return [Arrival(receipt.batch, receipt.intake, receipt.train, receipt.test) for receipt in received]


def scan_batches(
    lakehouse: Lakehouse, model: Recommender, arrivals: Sequence[Arrival], yardstick: Yardstick, scan: Scan
) -> Scan:
    """Let the batches arrive that a scan has not seen yet. Raises `LakehouseError`."""
    for first in range(scan.starts.end, len(arrivals), AT_ONCE):
        portion = arrivals[first : first + AT_ONCE]
        cells = batch_cells(lakehouse, model, portion, first)
        scan = scan.take(portion, cells, yardstick)
    return scan


def batch_cells(lakehouse: Lakehouse, model: Recommender, arrivals: Sequence[Arrival], first: int) -> Cells:
    """Count the good rows of batches, which take the positions from first. Raises `LakehouseError`."""
    batches = [arrival.batch for arrival in arrivals]
    counts = {arrival.batch: arrival.train + arrival.test for arrival in arrivals}
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, batches, [BATCH, *RATING_COLUMNS, "split"], counts)
    at = pac.index_in(rows[BATCH].cast(pa.string()), value_set=pa.array(batches, pa.string())).to_numpy()
    ratings, split = Ratings.from_arrow(rows), np.asarray(rows["split"])
    sides = split == TRAIN, split == TEST
    scored = ScoredRatings.of(model, ratings.where(sides[1]))
    return count_batches(at[sides[0]], ratings.where(sides[0]), at[sides[1]], scored, first)


def reference_of(lakehouse: Lakehouse, champion: str) -> Reference:
    """Load a champion and count its ratings; the engine counts those of training, once per champion.

    Raises `ReportError`, `LakehouseError`.
    """
    lakehouse.require_delta("drift detection")
    store = serving_store(lakehouse.settings)
    versions, model = reference_versions(store.record(champion), lakehouse), store.load(champion)
    tables = {name: read_log(lakehouse, name).table_id for name in versions}
    key = _hash([FORMAT, champion, versions, tables])
    path = kept_folder(lakehouse.settings) / REFERENCE_FILE
    cells = _kept_cells(path, key)
    if cells is None:
        judged_on = read_ratings(lakehouse, TEST_RATINGS.name, versions[TEST_RATINGS.name])
        train = lakehouse.read(TRAIN_RATINGS.name, versions[TRAIN_RATINGS.name])
        cells = cells_of(of_frame(RATINGS, train), ScoredRatings.of(model, judged_on), rated_movies(train))
        keep(path, _arrays(cells), {"key": key})
    return Reference(champion, model, versions, cells, key)


def rated_movies(frame: "DataFrame") -> Occurrences:
    """How many ratings each movie of a frame has, counted by the engine."""
    counted = frame.groupBy("movie_id").count().toArrow().sort_by("movie_id")
    return Occurrences(counted["movie_id"].to_numpy(), counted["count"].to_numpy())


def reference_versions(record: ModelRecord, lakehouse: Lakehouse) -> dict[str, int | None]:
    """The Delta versions that the champion was trained and judged on; a champion never judged: today's test ratings."""
    trained_on = record.delta_version(TRAIN_RATINGS.name)
    if trained_on is None:
        raise ReportError(
            f"Champion {record.version} was not trained on a Delta version of {TRAIN_RATINGS.name}, so there is "
            "nothing to compare new ratings with. Train one that is: reco train."
        )
    judged_on = record.judged_inputs.get(TEST_RATINGS.name)
    return {
        TRAIN_RATINGS.name: trained_on,
        TEST_RATINGS.name: judged_on if isinstance(judged_on, int) else lakehouse.version(TEST_RATINGS.name),
    }


def _kept_cells(path: Path, key: str) -> Cells | None:
    found = kept(path)
    return Cells(**found[0]) if found and found[1].get("key") == key else None


def _kept_scan(path: Path, source: list[Any], arrivals: Sequence[Arrival]) -> Scan:
    """The scan that an earlier report kept, if it is about these batches or the first of them; else an empty one."""
    found = kept(path)
    if not found:
        return Scan()
    arrays, facts = found
    seen = int(facts.get("seen", 0))
    if seen > len(arrivals) or facts.get("key") != _scan_key(source, arrivals[:seen]):
        return Scan()
    starts = facts["starts"]
    return Scan(
        Starts(**{**starts, "at": tuple(starts["at"]), "rows": tuple(starts["rows"])}),
        Cells(**arrays),
        facts["strongest"],
    )


def _keep_scan(path: Path, source: list[Any], arrivals: Sequence[Arrival], scan: Scan) -> None:
    facts = {
        "key": _scan_key(source, arrivals),
        "seen": len(arrivals),
        "starts": asdict(scan.starts),
        "strongest": scan.strongest,
    }
    keep(path, _arrays(scan.cells), facts)


def _scan_key(source: list[Any], arrivals: Sequence[Arrival]) -> str:
    return _hash([source, [(each.batch, each.intake, each.train, each.test) for each in arrivals]])


def _arrays(cells: Cells) -> dict[str, np.ndarray]:
    return {"train": cells.train, "warm": cells.warm, "movies": cells.movies}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
