"""What a ledger can be made from where there is none, or a damaged one: receipts' copies, tables, archive.

Batches that only the tables know are recovered, but not `sure`: no file is deleted on their word. Should their content
come again, it goes through intake as if for the first time, which doubles no row.
"""

import json
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.archive import archived_copy, count_data_lines, count_forgotten
from reco_assets.batches.portions import portions, words_of
from reco_assets.batches.receipt_files import Receipt, parsed, read_copy, receipt_text, write_copy
from reco_assets.tables import RECEIPTS, STREAM, STREAM_QUARANTINE, STREAM_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY, KEY, TRAIN
from resources.files import set_aside
from resources.tables.files import dataset_at, table_exists
from resources.tables.growth import rows_under
from resources.tables.log import log_at

OLD_LIST = Path("stream", "accepted.json")  # of releases before the ledger
TRANSACTION = "reco.intake"  # of the commits of intake, with the number of the last batch that they bring
RECOVERED = "recovered"  # in place of the report that a batch was accepted on


@dataclass(frozen=True)
class _Found:
    """A batch to enter; `number`: its place in the order of intake where that is known."""

    receipt: Receipt
    number: int | None
    sure: bool


def fill(ledger: sqlite3.Connection, root: Path) -> None:
    """Enter every batch, and every acceptance, that the ledger doesn't know and something else does."""
    known = {batch for (batch,) in ledger.execute("SELECT batch FROM batches")}
    found, damaged = _from_copies(root, known)
    found += _from_tables(root, known | {one.receipt.batch for one in found})
    _enter(ledger, found, is_new=not known)
    listed = _old_list(root)
    for batch, report in listed if listed is not None else _merged(ledger, root):
        _accept(ledger, batch, report)
    _continue_after(ledger, newest_transaction(root))
    for batch in damaged:
        for number, text in ledger.execute("SELECT number, receipt FROM batches WHERE batch = ?", (batch,)).fetchall():
            write_copy(root, parsed(text), number)


def retire_old_list(root: Path) -> None:
    """Put an earlier release's list of accepted batches out of the way, after it was carried over."""
    path = root / OLD_LIST
    if path.exists():
        path.replace(path.with_name(f"{path.name}.carried-over"))


def newest_transaction(root: Path) -> int:
    """The number of the newest batch that the stream tables hold; 0 where they hold none with a number."""
    logs = [log_at(root / spec.name) for spec in STREAM]
    return max((log.number_of(TRANSACTION) for log in logs if log), default=0)


def _from_copies(root: Path, known: set[str]) -> tuple[list[_Found], list[str]]:
    """The receipts whose copies can be read, and the batches whose copies cannot."""
    found, damaged = list[_Found](), list[str]()
    for path in sorted((root / RECEIPTS).glob("[!.]*.json")):
        batch = path.name.removesuffix(".json")
        if batch in known:
            continue
        try:
            receipt, number = read_copy(path)
            found.append(_Found(receipt, number, sure=True))
        except (ValueError, OSError) as error:
            kept = set_aside(path)
            damaged.append(batch)
            warnings.warn(
                f"{path} is damaged ({error}). It is kept as {kept.name}; what the tables and the archive know of the "
                "batch is in the receipt now.",
                stacklevel=2,
            )
    return found, damaged


def _from_tables(root: Path, known: set[str]) -> list[_Found]:
    """Batches that have rows and no receipt, with what rows and archive say of them."""
    ratings = _grouped(root, STREAM_RATINGS.name, ["split", "user_id"], known)
    quarantine = _grouped(root, STREAM_QUARANTINE.name, ["source"], known)
    return [
        _Found(_recovered(root, batch, ratings.get(batch, {}), quarantine.get(batch, {})), None, sure=False)
        for batch in {**ratings, **quarantine}
    ]


def _grouped(root: Path, table: str, columns: list[str], known: set[str]) -> dict[str, dict[str, Any]]:
    """{batch that isn't known: what its rows say together}, in the order in which the table's files were written."""
    counted: list[dict[str, Any]] = []
    for rows in portions(root / table, ["__filename", *columns], known):
        by_batch, measures = rows, [("source", "min")]
        if "split" in columns:
            by_batch = rows.append_column("train", pac.equal(rows["split"], TRAIN).cast(pa.int64()))
            measures = [("train", "sum"), ("user_id", "count_distinct")]
        counts: list[Any] = [([], "count_all"), ("__filename", "first"), *measures]
        counted += by_batch.group_by("batch", use_threads=False).aggregate(counts).to_pylist()
    log = log_at(root / table)
    written = log.files() if log else {}
    return {row["batch"]: row for row in sorted(counted, key=lambda row: written[row["__filename_first"]])}


def _recovered(root: Path, batch: str, good: dict[str, Any], bad: dict[str, Any]) -> Receipt:
    archived = archived_copy(root, batch)
    kept = archived.is_file()
    rows, quarantined, train = good.get("count_all", 0), bad.get("count_all", 0), good.get("train_sum", 0)
    forgotten = count_forgotten(archived) if kept else 0
    duplicates = max(count_data_lines(archived) - rows - quarantined - forgotten, 0) if kept else 0
    return Receipt(
        batch=batch,
        source=bad.get("source_min") or f"{batch}.csv",
        landed_ns=archived.stat().st_mtime_ns if kept else 0,
        size_bytes=archived.stat().st_size if kept else 0,
        lines=rows + quarantined + duplicates + forgotten,
        good=rows,
        quarantined=quarantined,
        duplicates=duplicates,
        train=train,
        test=rows - train,
        users=good.get("user_id_count_distinct", 0),
        forgotten=forgotten,
    )


def _enter(ledger: sqlite3.Connection, found: Iterable[_Found], *, is_new: bool) -> None:
    """In a new ledger, batches without a number come before those with one, in the order in which they landed."""
    ordered = sorted(found, key=lambda one: (one.number or 0, one.sure, one.receipt.landed_ns if one.sure else 0))
    unnumbered = [one for one in ordered if one.number is None]
    first = min((one.number for one in ordered if one.number is not None), default=len(unnumbered) + 1)
    for at, one in enumerate(unnumbered):
        _insert(ledger, one, first - len(unnumbered) + at if is_new else None)
    for one in ordered[len(unnumbered) :]:
        _insert(ledger, one, one.number if is_new else None)


def _insert(ledger: sqlite3.Connection, one: _Found, number: int | None) -> None:
    receipt = one.receipt
    # Should the content come again, its dates are judged by the time of the archived copy, in place of the intake's.
    taken_ns = None if one.sure else receipt.landed_ns or None
    ledger.execute(
        "INSERT OR IGNORE INTO batches (number, batch, taken_ns, source, good, receipt, sure) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, receipt.batch, taken_ns, receipt.source, receipt.good, receipt_text(receipt), int(one.sure)),
    )


def _old_list(root: Path) -> list[tuple[str, str]] | None:
    """An earlier release's list of (batch, report); None where there is none that can be read."""
    path = root / OLD_LIST
    try:
        return [(str(entry["batch"]), str(entry["report"])) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, OSError) as error:
        kept = set_aside(path)
        warnings.warn(
            f"{path} is damaged ({error}). It is kept as {kept.name}; the batches that the training and test tables "
            "hold count as accepted, and others wait again.",
            stacklevel=2,
        )
        return None


def _merged(ledger: sqlite3.Connection, root: Path) -> Iterator[tuple[str, str]]:
    """The batches whose rows the training and test tables hold, or held until later ones corrected all of them, in
    the order of intake.
    """
    sides = [root / spec.name for spec in (TRAIN_RATINGS, TEST_RATINGS) if table_exists(root / spec.name)]
    origins: set[str] = set()
    for side in sides:
        origins |= words_of(side, "origin").keys()
    numbers = dict(ledger.execute("SELECT batch, number FROM batches").fetchall())
    merged = (origins | _corrected(root, sides, origins, numbers)) - {HISTORY}
    for batch in sorted(merged, key=lambda batch: (numbers.get(batch, 0), batch)):
        yield batch, RECOVERED


def _corrected(root: Path, sides: list[Path], origins: set[str], numbers: Mapping[str, int]) -> set[str]:
    """The batches none of whose rows stands in the tables, and none is missing: under each key lies a row of a later
    batch, or the same value. To merge one again would take back what corrected it.
    """
    found = set[str]()
    if sides:
        for rows in portions(root / STREAM_RATINGS.name, [*KEY, "rating"], origins):
            found |= _corrected_of(rows, sides, numbers)
    return found


def _corrected_of(rows: pa.Table, sides: list[Path], numbers: Mapping[str, int]) -> set[str]:
    held = [rows_under(dataset_at(side), rows.select(KEY), [*KEY, "rating", "origin"]) for side in sides]
    standing = pa.concat_tables(held).rename_columns([*KEY, "stands", "origin"])
    both = rows.join(standing, keys=KEY, join_type="left outer")
    own, over = (_numbers_of(both[name], numbers) for name in ("batch", "origin"))
    later = pac.fill_null(pac.greater(over, own), fill_value=False)
    kept = pac.or_(later, pac.fill_null(pac.equal(both["stands"], both["rating"]), fill_value=False))
    found = both.select(["batch"]).append_column("later", later).append_column("kept", kept)
    ends = found.group_by("batch").aggregate([("later", "any"), ("kept", "all")])
    return set(ends.filter(pac.and_(ends["later_any"], ends["kept_all"]))["batch"].to_pylist())


def _numbers_of(batches: pa.ChunkedArray, numbers: Mapping[str, int]) -> pa.ChunkedArray:
    """The place of each batch in the order of intake, null where it has none."""
    at = pac.index_in(batches, value_set=pa.array(numbers, pa.string()))
    return pac.take(pa.array(numbers.values(), pa.int64()), at)


def _accept(ledger: sqlite3.Connection, batch: str, report: str) -> None:
    if not ledger.execute("SELECT 1 FROM batches WHERE batch = ?", (batch,)).fetchone():
        _insert(ledger, _Found(Receipt(batch, f"{batch}.csv", 0, 0, 0, 0, 0, 0, 0, 0, 0), None, sure=False), None)
    accept(ledger, batch, report)


def accept(ledger: sqlite3.Connection, batch: str, report: str) -> None:
    """Enter a batch as the last one accepted, unless it was accepted before."""
    ledger.execute(
        "UPDATE batches SET report = ?, accepted = (SELECT coalesce(max(accepted), 0) + 1 FROM batches) "
        "WHERE batch = ? AND accepted IS NULL",
        (report, batch),
    )


def _continue_after(ledger: sqlite3.Connection, number: int) -> None:
    """Let no batch get a number again that the tables or the copies have seen."""
    (newest,) = ledger.execute("SELECT coalesce(max(number), 0) FROM batches").fetchone()
    ledger.execute("DELETE FROM sqlite_sequence WHERE name = 'batches'")
    ledger.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('batches', ?)", (max(newest, number),))
