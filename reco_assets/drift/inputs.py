"""What a drift report compares, read from the lakehouse: the champion's own data against the waiting batches'.

A report reads the rows of batches that no report has seen. Of all others, and of the champion's own data, it keeps
counts beside the lakehouse's reports, and counts again where those are not exactly what it would count.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.accepted import waiting
from reco_assets.batches.receipt_files import Receipt
from reco_assets.drift.assessment import Compared, DriftReport, no_report, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, count_batches
from reco_assets.drift.kept import keep, kept, kept_folder
from reco_assets.drift.policy import Reason, as_document, reachable
from reco_assets.drift.reference import ModelOf, arrays_of, digest, reference_of
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick
from reco_assets.drift.windows import Starts
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.folders import began
from reco_assets.tables import STREAM_RATINGS
from reco_assets.vocabulary import RATING_COLUMNS, TEST, TRAIN
from resources.settings import Settings
from resources.tables.appends import BATCH, batch_rows
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

DAY = 86_400
AT_ONCE = 2_000  # batches read together
WAITING_FILE = "waiting.npz"


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
    yardstick = replace(reference.yardstick(config), days=_days_since_training(champion, received, settings))
    table = read_log(lakehouse, STREAM_RATINGS.name).table_id
    source = [reference.key, table, as_document(config), [signal.name for signal in yardstick.signals]]
    scan = _kept_scan(path, source, arrivals)
    if scan.starts.end < len(arrivals):
        scan = scan_batches(lakehouse, reference.model_of, arrivals, yardstick, scan)
        _keep_scan(path, source, arrivals, scan)
    files = [receipt.source for receipt in received]
    compared = Compared(names, champion, versions, corrections, reference.sample.share, files)
    return report_on(scan, compared, yardstick)


def arrived(received: Sequence[Receipt]) -> list[Arrival]:
    """What a report needs to know of batches that were taken in, in the same order."""
    return [Arrival(receipt.batch, receipt.intake, receipt.train, receipt.test) for receipt in received]


def scan_batches(
    lakehouse: Lakehouse, model_of: ModelOf, arrivals: Sequence[Arrival], yardstick: Yardstick, scan: Scan
) -> Scan:
    """Let the batches arrive that a scan has not seen yet. Raises `LakehouseError`."""
    for first in range(scan.starts.end, len(arrivals), AT_ONCE):
        portion = arrivals[first : first + AT_ONCE]
        cells = batch_cells(lakehouse, model_of, portion, first)
        scan = scan.take(portion, cells, yardstick)
    return scan


def batch_cells(lakehouse: Lakehouse, model_of: ModelOf, arrivals: Sequence[Arrival], first: int) -> Cells:
    """Count the good rows of batches, which take the positions from first. Raises `LakehouseError`."""
    batches = [arrival.batch for arrival in arrivals]
    counts = {arrival.batch: arrival.train + arrival.test for arrival in arrivals}
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, batches, [BATCH, *RATING_COLUMNS, "split"], counts)
    at = pac.index_in(rows[BATCH].cast(pa.string()), value_set=pa.array(batches, pa.string())).to_numpy()
    ratings, split = Ratings.from_arrow(rows), np.asarray(rows["split"])
    sides = split == TRAIN, split == TEST
    tested = ratings.where(sides[1])
    scored = ScoredRatings.of(model_of(tested.user_id), tested)
    return count_batches(at[sides[0]], ratings.where(sides[0]), at[sides[1]], scored, first)


def _days_since_training(champion: str, received: Sequence[Receipt], settings: Settings) -> float | None:
    """From the last training to the newest file that waits; None where the version's name doesn't say when it began.

    A candidate that the gate refused counts: what came before it was tried, and would be tried again by every report.
    """
    trained = began(max(champion, serving_store(settings).latest()))
    newest = max(receipt.landed_ns for receipt in received) / 1e9
    return None if trained is None else max(newest - trained, 0.0) / DAY


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
    keep(path, arrays_of(scan.cells), facts)


def _scan_key(source: list[Any], arrivals: Sequence[Arrival]) -> str:
    return digest([source, [(each.batch, each.intake, each.train, each.test) for each in arrivals]])
