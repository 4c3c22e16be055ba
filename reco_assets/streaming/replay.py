"""Taking a batch in again under today's rules: rows that were quarantined then and are good now come back, once.

A batch never changes once it was received, as training may hold it already. So what comes back is a batch of its own,
`<sha256>+2` and so on, which waits for its acceptance as others do; the receipts of both say which lines each holds.

    begun in the ledger -> rows appended to stream/ratings -> their lines removed from stream/quarantine -> receipts

Whoever comes next, another replay or an intake, carries on after each step: the rows themselves say what was done.
"""

import tempfile
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.corrections import count_corrections, later_rows
from reco_assets.batches.finding import SHORT, find_batch
from reco_assets.batches.ledger import change, query
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import FOLLOW_UP, begin, family, newest_number, read_receipt, write_receipts
from reco_assets.batches.recovery import TRANSACTION
from reco_assets.batches.sides import split_pairs
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.steps import reached
from reco_assets.streaming.fields import GOOD
from reco_assets.streaming.reader import QUARANTINED, ParsedFile, parse_stream_file
from reco_assets.tables import ARCHIVE, STREAM_QUARANTINE, STREAM_RATINGS
from reco_assets.vocabulary import CONFLICT, CSV_COLUMNS, KEY, TRAIN
from resources.errors import RecoError
from resources.paths.identifiers import identifier
from resources.tables.appends import BATCH, Commit, append_batches, batch_rows
from resources.tables.growth import remove_rows
from resources.tables.lakehouse import Lakehouse

# Where a replay may be killed, in order.
STEPS = ("replay_begun", "replay_appended", "replay_removed", "replay_receipted")
# What quarantine shows of such a line is not the line, or lost to a later line of its file.
_UNFAITHFUL = frozenset({"not_utf8", "nul_byte", "line_too_long", CONFLICT})


class ReplayError(RecoError):
    """A batch can't be taken in again; the message says why."""


@dataclass(frozen=True)
class Replayed:
    """What a replay did: the batch, the one that holds the rows that came back (None: no row did), how many those are,
    lines that turned out to repeat a good row, and lines that stay in quarantine.
    """

    batch: str
    follow_up: str | None
    returned: int
    duplicates: int
    quarantined: int


def batch_to_replay(root: Path, text: str) -> str:
    """The batch of this name, as of `find_batch`; of several files of one name the one with quarantined rows.

    Raises `BatchNameError`, `LedgerError`, and `ReplayError` where it was withdrawn.
    """
    batch = find_batch(root, text, prefer=lambda one: read_receipt(root, one).quarantined > 0)
    if decision := withdrawn(root).get(batch):
        raise ReplayError(
            f"Batch {batch[:SHORT]} was withdrawn {decision.when_and_why}. Let it count again first: "
            f"reco stream withdraw {batch[:SHORT]} --undo."
        )
    return batch


def replay_batch(lakehouse: Lakehouse, batch: str) -> Replayed:
    """Take a received batch in again under today's rules; once more changes nothing.

    Whoever calls this holds intake's lock. Raises `LakehouseError`, `LedgerError`, `OSError`.
    """
    known = _known_lines(lakehouse, batch)
    follow_up = _open_follow_up(lakehouse.root, batch)
    if follow_up is None or not known.follow_up:
        again = _read_again(lakehouse, batch, known)
        fresh = again.good.filter(pac.invert(pac.is_in(again.good["line"], pa.array(known.held, pa.int64()))))
        superseded = _superseded(lakehouse, batch, fresh)
        fresh = fresh.filter(pac.invert(pac.is_in(fresh["line"], superseded)))
        gone = known.quarantined - set(again.quarantined["line"].to_pylist()) - set(superseded.to_pylist())
        if len(fresh):
            follow_up = follow_up or _begin_follow_up(lakehouse.root, batch)
            _append(lakehouse, follow_up, fresh)
        returned = set(fresh["line"].to_pylist())
    else:  # killed after it appended: the rows say which lines came back, and the next replay sees to the rest
        gone = returned = known.follow_up
    reached("replay_appended")
    _remove(lakehouse, batch, gone | (known.held & known.quarantined))
    reached("replay_removed")
    return _receipted(lakehouse, batch, follow_up, known, returned)


def finish_replays(lakehouse: Lakehouse) -> None:
    """Carry on the replays that killed runs began. Whoever calls this holds intake's lock. Raises as `replay_batch`."""
    sql = "SELECT batch FROM batches WHERE receipt IS NULL AND instr(batch, '+') > 0"
    for (follow_up,) in query(lakehouse.root, sql):
        replay_batch(lakehouse, follow_up.partition(FOLLOW_UP)[0])


@dataclass(frozen=True)
class _Known:
    """Lines of a file by their numbers: rows in stream/ratings, those of them that an open follow-up holds, and lines
    in stream/quarantine.
    """

    held: set[int]
    follow_up: set[int]
    quarantined: set[int]


def _known_lines(lakehouse: Lakehouse, batch: str) -> _Known:
    open_one = _open_follow_up(lakehouse.root, batch)
    held = batch_rows(lakehouse, STREAM_RATINGS.name, family(lakehouse.root, batch), columns=[BATCH, "line"])
    own = held.filter(pac.equal(held[BATCH], open_one)) if open_one else held.slice(0, 0)
    bad = batch_rows(lakehouse, STREAM_QUARANTINE.name, [batch], columns=["line"])
    return _Known(*(set(rows["line"].to_pylist()) for rows in (held, own, bad)))


def _open_follow_up(root: Path, batch: str) -> str | None:
    """The follow-up that a killed replay began, if any."""
    sql = "SELECT batch FROM batches WHERE receipt IS NULL AND batch >= ? AND batch < ?"
    found = query(root, sql, (f"{batch}{FOLLOW_UP}", f"{batch}{chr(ord(FOLLOW_UP) + 1)}"))
    return found[0][0] if found else None


def _begin_follow_up(root: Path, batch: str) -> str:
    numbers = [int(name.partition(FOLLOW_UP)[2] or 1) for name in family(root, batch)]
    name = f"{batch}{FOLLOW_UP}{max(numbers, default=1) + 1}"
    begin(root, {name: time.time_ns()})
    reached("replay_begun")
    return name


def _superseded(lakehouse: Lakehouse, batch: str, rows: pa.Table) -> pa.Array:
    """The lines whose user, movie and time a batch that was taken in later rated: its value is the newer one."""
    newer = later_rows(lakehouse, batch, rows).select(KEY)
    return rows.join(newer, keys=KEY, join_type="left semi")["line"].combine_chunks()


def _read_again(lakehouse: Lakehouse, batch: str, known: _Known) -> ParsedFile:
    """The batch's file by today's rules; where its archived copy is gone, the lines that quarantine has of it."""
    archived = lakehouse.root / ARCHIVE / f"{identifier(batch, 'Batch')}.csv"
    if archived.is_file() or not known.quarantined:
        return parse_stream_file(archived, time.time_ns()) if archived.is_file() else _nothing()
    bad = batch_rows(lakehouse, STREAM_QUARANTINE.name, [batch], columns=["line", "raw", "reasons"])
    raw = {row["line"]: row["raw"] for row in bad.to_pylist() if not _UNFAITHFUL.intersection(row["reasons"])}
    with tempfile.TemporaryDirectory() as folder:
        rebuilt = Path(folder, "quarantined.csv")
        with rebuilt.open("w", encoding="utf-8", newline="\n") as file:
            file.write(",".join(CSV_COLUMNS))
            # Other lines stay blank, which keeps every line's number.
            file.writelines(f"\n{raw.get(number, '')}" for number in range(2, max(known.quarantined) + 1))
        return parse_stream_file(rebuilt, time.time_ns())


def _nothing() -> ParsedFile:
    return ParsedFile(GOOD.empty_table(), QUARANTINED.empty_table(), 0, 0)


def _append(lakehouse: Lakehouse, follow_up: str, good: pa.Table) -> None:
    users, movies = good["user_id"].to_numpy(), good["movie_id"].to_numpy()
    sides = split_pairs(lakehouse, users, movies, lakehouse.settings.streaming.train_ratio)
    named = pa.array([follow_up] * len(good), pa.string())
    rows = good.add_column(0, BATCH, named).append_column("split", sides)
    append_batches(lakehouse, STREAM_RATINGS, rows, Commit((TRANSACTION, newest_number(lakehouse.root))))


def _remove(lakehouse: Lakehouse, batch: str, lines: set[int]) -> None:
    """Delete these lines of a batch from stream/quarantine, in one commit; those that are gone already are no error."""
    if not lines:
        return
    wanted = pa.table({BATCH: pa.array([batch] * len(lines), pa.string()), "line": pa.array(sorted(lines), pa.int64())})
    remove_rows(lakehouse, STREAM_QUARANTINE.name, wanted, {BATCH: batch})


def _receipted(lakehouse: Lakehouse, batch: str, follow_up: str | None, known: _Known, returned: set[int]) -> Replayed:
    """Write the receipts of the batch and of what came back, from the tables, in one transaction.

    What left quarantine and is no row repeats a good one.
    """
    before, names = read_receipt(lakehouse.root, batch), [batch, *([follow_up] if follow_up else [])]
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, names, columns=[BATCH, "line", *KEY, "rating", "split"])
    quarantined = len(batch_rows(lakehouse, STREAM_QUARANTINE.name, [batch], columns=["line"]))
    back = len(rows.filter(pac.equal(rows[BATCH], follow_up))) if follow_up else len(known.held & known.quarantined)
    duplicates = max(before.quarantined - quarantined - back, 0)
    counted = [_counted(before, batch, rows, quarantined, before.duplicates + duplicates)]
    if follow_up and back:
        corrections = count_corrections(lakehouse, rows.filter(pac.equal(rows[BATCH], follow_up)), [follow_up])
        again = _counted(before, follow_up, rows, 0, 0)
        counted.append(replace(again, corrections=corrections[follow_up]))
    write_receipts(lakehouse.root, counted, certain=False)
    if follow_up and not back:
        change(lakehouse.root, lambda ledger: ledger.execute("DELETE FROM batches WHERE batch = ?", (follow_up,)))
    reached("replay_receipted")
    return Replayed(batch, follow_up if back else None, len(returned), duplicates, quarantined)


def _counted(file: Receipt, batch: str, rows: pa.Table, quarantined: int, duplicates: int) -> Receipt:
    own = rows.filter(pac.equal(rows[BATCH], batch))
    good, train = len(own), pac.sum(pac.equal(own["split"], TRAIN)).as_py() or 0
    return replace(
        file,
        batch=batch,
        lines=good + quarantined + duplicates + (file.forgotten if batch == file.batch else 0),
        good=good,
        quarantined=quarantined,
        duplicates=duplicates,
        train=train,
        test=good - train,
        users=len(pac.unique(own["user_id"])),
        forgotten=file.forgotten if batch == file.batch else 0,
        intake=file.intake if batch == file.batch else uuid.uuid4().hex,
    )
