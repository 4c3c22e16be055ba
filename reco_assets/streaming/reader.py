"""A streamed CSV file as typed rows and quarantined lines: bytes in, Arrow tables out, however odd the bytes.

A line is what newlines part, whatever its quotes say, so that every line ends in exactly one place: it is a good row,
it is quarantined, or it repeats a good row word for word. Only a wrong header refuses the file as a whole.

Plain lines are taken apart by one regular expression over a block; lines with quotes, other characters than printable
ASCII, or another number of fields, one by one in Python. The rules on values are the same vectorised code for both.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.archive import count_data_lines
from reco_assets.sources.text_files import check_header
from reco_assets.statistics import pair_number
from reco_assets.streaming.fields import GOOD, judge
from reco_assets.tombstones import FORGOTTEN_LINE
from reco_assets.vocabulary import CLOCK_SKEW, CONFLICT, CSV_COLUMNS

BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 1 << 20
RAW_CHARACTERS = 1_000

QUARANTINED = pa.schema({"line": pa.int64(), "raw": pa.string(), "reasons": pa.list_(pa.string())})

_PLAIN_FIELD = r"[ !#-+\--~]*"  # printable ASCII but the quote and the comma
_PLAIN_LINE = "^" + ",".join(f"(?P<{name}>{_PLAIN_FIELD})" for name in CSV_COLUMNS) + r"\r?$"
_FIELD = r'(?:"([^"]*(?:""[^"]*)*)"|([^",]*))'
_WELL_QUOTED = re.compile(rf"{_FIELD}(?:,{_FIELD})*")
_NEXT_FIELD = re.compile(rf"(?:^|,){_FIELD}")


@dataclass(frozen=True)
class ParsedFile:
    """good: `GOOD`, ordered by line; quarantined: `QUARANTINED`, ordered by line; lines are 1-based, the header's is 1.

    `lines` are the data lines that a byte counter found, which knows nothing of the parser; `duplicates` those that
    repeat user, movie, time and rating of a good row, `forgotten` those of users who were forgotten.
    """

    good: pa.Table
    quarantined: pa.Table
    lines: int
    duplicates: int
    forgotten: int = 0


class _Defect(NamedTuple):
    line: int
    raw: str
    reasons: Sequence[str]


def parse_stream_file(path: Path, landed_ns: int) -> ParsedFile:
    """Read a file `DATE,CUST_ID,MOVIE_ID,RATING`, times in UTC. Raises `SourceError` on a wrong header only.

    `landed_ns` is when the file was last written, in Unix nanoseconds: a rating over a day later is of the future.
    """
    check_header(path, CSV_COLUMNS)
    latest = landed_ns // 1_000_000_000 + int(CLOCK_SKEW.total_seconds())
    rows, defects, forgotten = [GOOD.empty_table()], list[_Defect](), 0
    for first_line, block in _blocks(path):
        lines = pac.split_pattern(pa.array([block], pa.binary()), b"\n").flatten()
        numbers = np.arange(first_line, first_line + len(lines))
        if first_line == 1:
            lines, numbers = lines[1:], numbers[1:]
        lines, numbers, left_out = _without_forgotten(lines, numbers)
        forgotten += left_out
        good, found = _parse_lines(lines, numbers, latest)
        rows.append(good)
        defects += found
    good, conflicts, duplicates = _one_row_per_key(pa.concat_tables(rows).combine_chunks())
    defects += _conflicts(path, conflicts)
    columns = zip(*sorted(defects), strict=True) if defects else ([], [], [])
    quarantined = pa.table(dict(zip(QUARANTINED.names, columns, strict=True)), schema=QUARANTINED)
    return ParsedFile(good, quarantined, count_data_lines(path), duplicates, forgotten)


def _without_forgotten(lines: pa.Array, numbers: np.ndarray) -> tuple[pa.Array, np.ndarray, int]:
    """The lines and their numbers without those that a mark stands in place of, and how many these are."""
    gone = pac.is_in(lines, pa.array([FORGOTTEN_LINE, FORGOTTEN_LINE + b"\r"], pa.binary()))
    count = pac.sum(gone).as_py() or 0
    return (lines.filter(pac.invert(gone)), numbers[~np.asarray(gone)], count) if count else (lines, numbers, 0)


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, whole lines without the last newline) in blocks of about `BLOCK_BYTES`.

    No line is kept beyond one byte over `MAX_LINE_BYTES`, which is enough to tell that it is too long.
    """
    first_line, rest, overlong = 1, b"", False
    with path.open("rb") as handle:
        while chunk := handle.read(BLOCK_BYTES):
            if overlong:
                at = chunk.find(b"\n")
                if at < 0:
                    continue
                chunk = chunk[at:]
            block, newline, tail = (rest + chunk).rpartition(b"\n")
            rest, overlong = tail[: MAX_LINE_BYTES + 1], len(tail) > MAX_LINE_BYTES
            if newline:
                yield first_line, block
                first_line += block.count(b"\n") + 1
    if rest:
        yield first_line, rest


def _parse_lines(lines: pa.Array, numbers: np.ndarray, latest: int) -> tuple[pa.Table, list[_Defect]]:
    """Lines (n,) binary with their numbers (n,) to good rows and defects."""
    fields = pac.extract_regex(lines, _PLAIN_LINE)
    short = pac.less_equal(pac.binary_length(lines), MAX_LINE_BYTES)
    plain = np.asarray(pac.and_(fields.is_valid(), short))
    defects, at, taken_apart = list[_Defect](), list[int](), list[Sequence[str]]()
    for index in np.flatnonzero(~plain).tolist():
        line = lines[index].as_py()
        found, reasons = _take_apart(line)
        if reasons:
            defects.append(_Defect(int(numbers[index]), _shown(line), reasons))
        else:
            at.append(index)
            taken_apart.append(found)
    where = np.concatenate([np.flatnonzero(plain), np.array(at, np.int64)])
    if not len(where):
        return GOOD.empty_table(), defects
    matched = fields.filter(pa.array(plain))
    text = {}
    for position, name in enumerate(CSV_COLUMNS):
        others = pa.array([row[position] for row in taken_apart], pa.string())
        text[name] = pac.ascii_trim(pa.concat_arrays([matched.field(name).cast(pa.string()), others]), " ")
    rows, broken = judge(text, numbers[where], latest)
    bad = reduce(or_, broken.values())
    for index in np.flatnonzero(bad).tolist():
        reasons = [reason for reason, where_broken in broken.items() if where_broken[index]]
        defects.append(_Defect(int(numbers[where[index]]), _shown(lines[where[index]].as_py()), reasons))
    return rows.filter(pa.array(~bad)), defects


def _take_apart(line: bytes) -> tuple[Sequence[str], Sequence[str]]:
    """A line's four fields, or no field and the reasons why it has not four."""
    if len(line) > MAX_LINE_BYTES:
        return (), ["line_too_long"]
    reasons = ["nul_byte"] if b"\0" in line else []
    try:
        text = line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        return (), [*reasons, "not_utf8"]
    if reasons:
        return (), reasons
    if not text.strip(" \t\r"):
        return (), ["blank_line"]
    if '"' not in text:
        fields = text.split(",")
    elif _WELL_QUOTED.fullmatch(text):
        fields = [
            found[1].replace('""', '"') if found[1] is not None else found[2] for found in _NEXT_FIELD.finditer(text)
        ]
    else:
        return (), ["unbalanced_quote"]
    return (fields, []) if len(fields) == len(CSV_COLUMNS) else ((), ["wrong_field_count"])


def _one_row_per_key(rows: pa.Table) -> tuple[pa.Table, np.ndarray, int]:
    """Of the rows with one user, movie and time the last; the lines of earlier ones with another rating; how many
    earlier ones say the same.
    """
    line, rating = rows["line"].to_numpy(), rows["rating"].to_numpy()
    pair = pair_number(rows["user_id"].to_numpy(), rows["movie_id"].to_numpy())
    time = rows["rating_ts"].cast(pa.int64()).to_numpy()
    order = np.lexsort((line, time, pair))
    # The last row of a key is where the next one, in order, has another key.
    last = np.ones(len(order), bool)
    last[:-1] = (np.diff(pair[order]) != 0) | (np.diff(time[order]) != 0)
    winner = np.flatnonzero(last)[np.cumsum(last) - last]
    conflict = rating[order] != rating[order[winner]]
    kept, lost = order[last], line[order[conflict]]
    good = rows.take(pa.array(kept[np.argsort(line[kept])]))
    return good, np.sort(lost), len(line) - len(kept) - len(lost)


def _conflicts(path: Path, wanted: np.ndarray) -> Iterator[_Defect]:
    """The lines of these sorted numbers, read again: the text of good rows is not kept, and conflicts are rare."""
    if not len(wanted):
        return
    for first_line, block in _blocks(path):
        start, end = np.searchsorted(wanted, [first_line, first_line + block.count(b"\n") + 1])
        if start < end:
            lines = block.split(b"\n")
            for number in wanted[start:end].tolist():
                yield _Defect(number, _shown(lines[number - first_line]), [CONFLICT])


def _shown(line: bytes) -> str:
    """A line as text of at most `RAW_CHARACTERS`; no character has more than four bytes."""
    return line[: 4 * RAW_CHARACTERS].removesuffix(b"\r").decode(errors="backslashreplace")[:RAW_CHARACTERS]
