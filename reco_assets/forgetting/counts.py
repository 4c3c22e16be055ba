"""Receipts of batches whose lines were of forgotten users: every line stays counted, as `forgotten`."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.archive import archived_copy, count_forgotten
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import family, receipts, write_receipts
from reco_assets.forgetting.lines import marked, scrub_lines
from reco_assets.forgetting.people import People
from reco_assets.tables import STREAM_QUARANTINE, STREAM_RATINGS
from reco_assets.vocabulary import TRAIN
from resources.tables.appends import BATCH, batch_rows
from resources.tables.lakehouse import Lakehouse


def recount(lakehouse: Lakehouse, people: People, change: bool) -> int:
    """How many batches hold lines of the users; with `change` their receipts count these as forgotten.

    It comes before the lines and rows go: a run that is killed between finds the same batches again.
    """
    if not lakehouse.exists(STREAM_RATINGS.name):
        return 0
    touched = sorted(set(_with_rows(lakehouse, people)))
    known = receipts(lakehouse.root, touched)
    if known and change:
        write_receipts(lakehouse.root, [_recounted(lakehouse, people, each) for each in known], certain=False)
    return len(known)


def _with_rows(lakehouse: Lakehouse, people: People) -> Iterator[str]:
    """The batches of which a table or the archive holds something of the users."""
    numbers = pac.field("user_id").isin(pa.array(sorted(people.numbers), pa.int32()))
    yield from lakehouse.dataset(STREAM_RATINGS.name).to_table([BATCH], filter=numbers)[BATCH].to_pylist()
    if lakehouse.exists(STREAM_QUARANTINE.name):
        bad = lakehouse.dataset(STREAM_QUARANTINE.name).to_table([BATCH, "raw"])
        yield from bad.filter(people.rows(bad))[BATCH].to_pylist()
    for copy in sorted(archived_copy(lakehouse.root, "any").parent.glob("[!._]*.csv")):
        if scrub_lines(copy, people, False, marked):
            yield copy.stem


def _recounted(lakehouse: Lakehouse, people: People, receipt: Receipt) -> Receipt:
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, [receipt.batch], ["user_id", "split"])
    left = rows.filter(pac.invert(people.rows(rows)))
    bad = batch_rows(lakehouse, STREAM_QUARANTINE.name, [receipt.batch], [BATCH, "raw"])
    good, quarantined = len(left), len(bad.filter(pac.invert(people.rows(bad))))
    train, copy = pac.sum(pac.equal(left["split"], TRAIN)).as_py() or 0, archived_copy(lakehouse.root, receipt.batch)
    lines = receipt.lines - good - quarantined
    if copy.is_file():
        marks = count_forgotten(copy) + scrub_lines(copy, people, False, marked)
        forgotten = min(marks - _counted_by_replays(lakehouse, people, receipt.batch), lines)
    else:
        forgotten = max(lines - receipt.duplicates, 0)
    return replace(
        receipt,
        good=good,
        quarantined=quarantined,
        duplicates=lines - forgotten,
        train=train,
        test=good - train,
        users=len(pac.unique(left["user_id"])),
        forgotten=forgotten,
    )


def _counted_by_replays(lakehouse: Lakehouse, people: People, batch: str) -> int:
    """How many lines of a batch's file are forgotten ones of the batches that replays of it brought back."""
    if not (replays := family(lakehouse.root, batch)[1:]):
        return 0
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, replays, ["user_id"])
    left = pac.sum(pac.invert(people.rows(rows)), min_count=0).as_py()
    return sum(each.lines for each in receipts(lakehouse.root, replays)) - int(left)
