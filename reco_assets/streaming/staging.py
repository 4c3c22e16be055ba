"""Staging: parsed files become rows and quarantined lines, with one commit per table for many, and then receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.corrections import count_corrections
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import begin, family, write_receipts
from reco_assets.batches.recovery import TRANSACTION
from reco_assets.batches.sides import split_pairs
from reco_assets.steps import reached
from reco_assets.streaming.archiving import Part
from reco_assets.streaming.reader import ParsedFile
from reco_assets.tables import STREAM_QUARANTINE, STREAM_RATINGS
from reco_assets.vocabulary import KEY, TRAIN
from resources.tables.appends import BATCH, Commit, append_batches, batch_rows, rows_of_files
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class Original:
    """A part of a claimed file that is archived; the batch is the sha256 of its content."""

    path: Path
    part: Part

    @property
    def batch(self) -> str:
        """The sha256 of what was archived."""
        return self.part.batch


@dataclass(frozen=True)
class Batch:
    """A batch to stage, the first file that holds it, and when its intake began (Unix nanoseconds).

    `resumed`: an earlier run may have staged rows of it.
    """

    original: Original
    parsed: ParsedFile
    taken_ns: int
    resumed: bool


_NONE = pa.array([], pa.int64())  # no lines
Parts = dict[Path, list[Original]]  # of each claimed file
Batches = dict[str, Batch]


@dataclass(frozen=True)
class Staged:
    """The files that staging added to stream/ratings and to stream/quarantine."""

    ratings: tuple[str, ...]
    quarantine: tuple[str, ...]


def lost_lines(found: Batch) -> str | None:
    """What is wrong where not each line of the file ended in exactly one place; None where each did."""
    parsed = found.parsed
    counts = (len(parsed.good), len(parsed.quarantined), parsed.duplicates)
    return None if parsed.lines == sum(counts) + parsed.forgotten else _not_conserved(found, counts)


def _not_conserved(found: Batch, counts: tuple[int, int, int]) -> str:
    ends = "{} good + {} quarantined + {} duplicates".format(*counts) + f" + {found.parsed.forgotten} forgotten"
    return (
        f"{found.parsed.lines} data lines, but {ends} rows of batch {found.original.batch}. "
        "The file stays there; this is a fault of the platform, please report it with the file."
    )


def stage(lakehouse: Lakehouse, batches: Batches) -> Staged:
    """Append the batches' rows to stream/ratings and stream/quarantine, with one commit each."""
    number = begin(lakehouse.root, {name: batch.taken_ns for name, batch in batches.items()})
    commit = Commit((TRANSACTION, number), frozenset(name for name, batch in batches.items() if not batch.resumed))
    placed = {name: _placed(lakehouse, name) for name, batch in batches.items() if batch.resumed}
    good = [_without_lines(batch.parsed.good, placed.get(name, _NONE)) for name, batch in batches.items()]
    rows = pa.concat_tables(good).add_column(0, BATCH, _of_rows(list(batches), good))
    ratio = lakehouse.settings.streaming.train_ratio
    sides = split_pairs(lakehouse, rows["user_id"].to_numpy(), rows["movie_id"].to_numpy(), ratio)
    ratings = append_batches(lakehouse, STREAM_RATINGS, rows.append_column("split", sides), commit)
    reached("ratings_staged")
    bad = [_without_lines(batch.parsed.quarantined, placed.get(name, _NONE)) for name, batch in batches.items()]
    sources = _of_rows([batch.original.path.name for batch in batches.values()], bad)
    rows = pa.concat_tables(bad).add_column(0, "source", sources).add_column(0, BATCH, _of_rows(list(batches), bad))
    quarantined = append_batches(lakehouse, STREAM_QUARANTINE, rows, commit)
    reached("quarantine_staged")
    return Staged(ratings, quarantined)


def _placed(lakehouse: Lakehouse, batch: str) -> pa.Array:
    """The lines of a batch that are rows, also those that a replay brought back, or lie in quarantine: each stays."""
    good = batch_rows(lakehouse, STREAM_RATINGS.name, family(lakehouse.root, batch), ["line"])["line"]
    bad = batch_rows(lakehouse, STREAM_QUARANTINE.name, [batch], ["line"])["line"]
    return pa.concat_arrays([*good.chunks, *bad.chunks]) if len(good) + len(bad) else _NONE


def _without_lines(rows: pa.Table, lines: pa.Array) -> pa.Table:
    return rows.filter(pac.invert(pac.is_in(rows["line"], lines))) if len(lines) else rows


def _of_rows(values: Sequence[str], tables: Sequence[pa.Table]) -> pa.DictionaryArray:
    """One value per table as a column of all their rows; not repeated, because a batch's name has 64 characters."""
    owner = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables])
    return pa.DictionaryArray.from_arrays(pa.array(owner), pa.array(values, pa.string()))


def receive(
    lakehouse: Lakehouse, batches: Batches, staged: Staged, intake: str
) -> tuple[list[Receipt], dict[Path, str]]:
    """Write the receipts of staged batches, counted in the tables themselves: an earlier run may have staged them.

    `intake`: the id of the run. Returns the receipts, and {file: what is wrong} where the tables lack lines of it.
    """
    good = _staged_rows(lakehouse, STREAM_RATINGS, batches, staged.ratings, [BATCH, "line", *KEY, "rating", "split"])
    corrections = count_corrections(lakehouse, good, list(batches))
    good = good.append_column("is_train", pac.equal(good["split"], TRAIN))
    rated = _by_batch(good, [("is_train", "sum"), ("user_id", "count_distinct")])
    bad_rows = _staged_rows(lakehouse, STREAM_QUARANTINE, batches, staged.quarantine, [BATCH])
    quarantined = _by_batch(bad_rows, [])
    receipts, failed = list[Receipt](), dict[Path, str]()
    for name, found in batches.items():
        rows, train, users = rated.get(name, (0, 0, 0))
        (bad,) = quarantined.get(name, (0,))
        original, parsed = found.original, found.parsed
        duplicates, elsewhere = _left(lakehouse, found) if found.resumed else (parsed.duplicates, 0)
        counts = (rows, bad, duplicates)
        if sum(counts) + parsed.forgotten + elsewhere != parsed.lines:
            failed[original.path] = _not_conserved(found, counts)
            continue
        facts = (original.path.name, original.part.mtime_ns, original.part.size, sum(counts) + parsed.forgotten)
        rated_by = (train, rows - train, users)
        receipts.append(Receipt(name, *facts, *counts, *rated_by, intake, corrections[name], parsed.forgotten))
    write_receipts(lakehouse.root, receipts)
    reached("receipt_written")
    return receipts, failed


def _left(lakehouse: Lakehouse, found: Batch) -> tuple[int, int]:
    """Of a batch of which an earlier run staged some, or all that a replay then judged anew: how many lines repeat a
    good row, and how many are rows of the batches that replays brought back. Rules of another day find other
    duplicates, so those are the lines that neither table holds, but for good ones: those are missing.
    """
    batch = found.original.batch
    placed = pac.unique(_placed(lakehouse, batch))
    missing = len(_without_lines(found.parsed.good, placed))
    follow_ups = [name for name in family(lakehouse.root, batch) if name != batch]
    elsewhere = len(batch_rows(lakehouse, STREAM_RATINGS.name, follow_ups, ["line"])) if follow_ups else 0
    return found.parsed.lines - found.parsed.forgotten - len(placed) - missing, elsewhere


def _staged_rows(
    lakehouse: Lakehouse, spec: TableSpec, batches: Batches, added: Sequence[str], columns: list[str]
) -> pa.Table:
    """These columns of the batches' rows; the whole table is asked only where an earlier run may have staged some."""
    if any(batch.resumed for batch in batches.values()):
        return batch_rows(lakehouse, spec.name, batches, columns)
    return rows_of_files(lakehouse, spec, added, columns)


def _by_batch(rows: pa.Table, sums: list[tuple[str, str]]) -> dict[str, tuple[int, ...]]:
    """{batch: (rows, the sums)}."""
    grouped = rows.group_by(BATCH).aggregate([([], "count_all"), *sums])
    return {name: tuple(values) for name, *values in zip(*(column.to_pylist() for column in grouped), strict=True)}
