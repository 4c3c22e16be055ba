"""Reading text files without trusting them: structure is checked on bytes before anything parses them.

A file whose structure is damaged (encoding, header, quotes, number of fields) is refused whole, because its
rows cannot be told apart safely. Bad values in well-formed rows are none of this module's business: they reach
bronze as they came, and silver quarantines them.
"""

import os
import re
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from reco_assets.sources.ahead import ahead
from reco_assets.sources.headers import header_defect
from reco_assets.sources.layout import Columns, RawForm
from reco_assets.sources.looks import looks_like
from reco_assets.sources.packed import container, opened
from reco_assets.sources.plain_blocks import plain_block
from reco_assets.sources.quotes import check_quotes
from reco_assets.sources.source import Loaded, RawTable, SourceError, raw_batch
from reco_assets.sources.typed import BOM, typed, whole_stars_among
from reco_assets.vocabulary import CSV_COLUMNS
from resources.text.plain_text import printable

BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 1 << 20
COMPRESSED = (
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf",
)  # their first bytes
NUL_BYTE = "a NUL byte: this is no UTF-8 text"
NUL_ADVICE = "If it is UTF-16: iconv -f UTF-16 -t UTF-8. Else unpack or replace the file."

_PLAIN = pc.ParseOptions()


def require_text_file(path: Path) -> None:
    """Raise `SourceError` unless the path, or the zip that it is in, is a readable file with something in it."""
    file = container(path)
    if not file.exists():
        raise SourceError(path, None, "the file does not exist", _how_to_get(path))
    if not file.is_file():
        raise SourceError(path, None, "this is not a regular file", "Give the path of a file.")
    if not os.access(file, os.R_OK):
        raise SourceError(path, None, "the file may not be read", "Give yourself the right to read it.")
    if file.stat().st_size == 0:
        raise SourceError(path, None, "the file is empty", "Replace it by a complete copy.")


def _how_to_get(path: Path) -> str:
    entries = path.parent.iterdir() if path.parent.is_dir() else ()
    if alike := next((entry.name for entry in entries if entry.name.lower() == path.name.lower()), None):
        return f"Rename {printable(alike)} to {path.name}."
    return "Put it there, or set RECO_SOURCE_PATH."


def line_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, whole lines as bytes), in blocks of about `BLOCK_BYTES`.

    Raises `SourceError` when more than `MAX_LINE_BYTES` after the last line's end hold no other.
    """
    first_line, rest = 1, b""
    with opened(path) as handle:
        while chunk := handle.read(BLOCK_BYTES):
            end = chunk.rfind(b"\n") + 1
            block = b"".join((rest, memoryview(chunk)[:end])) if end else b""
            rest = chunk[end:] if end else rest + chunk
            lines = block.count(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                line = first_line + lines
                raise SourceError(path, line, f"the line is over {MAX_LINE_BYTES:,} bytes", "Is this a text file?")
            if block:
                yield first_line, block
                first_line += lines
    if rest:
        yield first_line, rest


def check_binary(path: Path, first_line: int, block: bytes) -> None:
    """Raise `SourceError` when there is a NUL byte in the block, naming its line."""
    if b"\0" in block:
        line = first_line + block[: block.index(b"\0")].count(b"\n")
        raise SourceError(path, line, NUL_BYTE, NUL_ADVICE)


def check_line_ends(path: Path, first_line: int, block: bytes) -> None:
    """Raise `SourceError` when a CR in the block does not belong to a CRLF, naming its line."""
    if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
        before = block[: re.search(rb"\r(?!\n)", block).start()]  # type: ignore[union-attr]
        rule = "a carriage return (CR) that no line feed (LF) follows"
        raise SourceError(path, first_line + before.count(b"\n"), rule, "End lines in LF or CRLF.")


def check_text(path: Path) -> int:
    """Check encoding, binary content, line ends, quotes and blank lines; return the number of lines not blank.

    Raises `SourceError` naming a line that breaks a rule: the first of its rule in its block.
    """
    lines, first_blank = 0, None
    for first_line, block in line_blocks(path):
        if first_blank is not None and block.strip():
            raise _blank_line(path, first_blank)
        _check_encoding(path, first_line, block)
        check_line_ends(path, first_line, block)
        if b'"' in block:
            check_quotes(path, first_line, block)
        found = block.count(b"\n") + (not block.endswith(b"\n"))
        body = block.rstrip(b"\r\n")
        end = block[len(body) :]
        filled = found - end.count(b"\n") + bool(end) if body else 0
        if b"\n\n" in body or (b"\r" in body and b"\n\r\n" in body) or (body and body[:1] in b"\r\n"):
            gap = next(n for n, line in enumerate(block.split(b"\n")) if not line.strip(b"\r"))
            raise _blank_line(path, first_line + gap)
        if filled < found and first_blank is None:
            first_blank = first_line + filled
        lines += filled
    if not lines:
        raise SourceError(path, None, "the file holds nothing but blank lines", "Replace it by a complete copy.")
    return lines


def check_plain(path: Path, first: bytes) -> None:
    """Raise `SourceError` where the first bytes of a file say that it is compressed."""
    if first.startswith(COMPRESSED):
        raise SourceError(path, None, "the file is compressed", "Unpack it: give one plain CSV file.")


def check_header(path: Path, columns: tuple[str, ...]) -> None:
    """Raise `SourceError` unless the first line names exactly these columns in this order."""
    with opened(path) as handle:
        first = handle.readline(MAX_LINE_BYTES).removeprefix(BOM)
    check_plain(path, first)
    if defect := header_defect(first.decode("utf-8", "replace"), columns):
        rule, fix = defect
        if columns != CSV_COLUMNS and (seen := looks_like(path.name, first)):
            fix = f"{fix} Or read it as it is: {seen}"
        raise SourceError(path, 1, rule, fix)


def csv_table(path: Path, columns: Columns) -> RawTable:
    """A CSV file with a header as a raw table. The first block says how whole stars are written.

    Reading raises `SourceError`: before the first batch, except for an uneven number of fields, which the parser
    finds when it comes to that line.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        require_text_file(path)
        lines = check_text(path)
        check_header(path, columns.names)
        form, loaded_at, rows = _form(path, columns), now(), 0

        def converted(rows: tuple[int, bytes]) -> pa.RecordBatch:
            first_row, block = rows
            values = plain_block(block, form) or typed(parse(path, first_row, block, form.fields), form)
            numbers = pa.array(np.arange(first_row, first_row + len(values["movie_id"])))
            return raw_batch(values, form, Loaded(numbers, path.name, loaded_at))

        for batch in ahead(converted, _row_blocks(path)):
            rows += len(batch)
            yield batch
        if rows != lines - 1:
            raise SourceError(path, None, f"{lines - 1} data lines were read as {rows} rows", "Check the file.")

    return RawTable(columns, batches)


def _row_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """As `line_blocks`, without the header and without blocks of blank lines."""
    for first_line, block in line_blocks(path):
        first_row, rows = (2, block.partition(b"\n")[2]) if first_line == 1 else (first_line, block)
        if rows and not (rows.isspace() and not rows.strip(b"\r\n")):
            yield first_row, rows


def _form(path: Path, columns: Columns) -> RawForm:
    first = next(_row_blocks(path), None) if "rating" in columns.fields else None
    if first is None:
        return RawForm(columns.fields)
    return RawForm(columns.fields, whole_stars_among(parse(path, *first, columns.fields)["rating"]))


def now() -> pa.TimestampScalar:
    """The load time of a file, UTC, in microseconds."""
    return pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC"))


def parse(
    path: Path, first_line: int, block: bytes, names: Sequence[str], options: pc.ParseOptions = _PLAIN
) -> dict[str, pa.Array]:
    """The fields of whole lines as text, null where empty: {name: (n,)}; every line must have that many.

    Raises `SourceError`.
    """

    def refuse(row: pc.InvalidRow) -> str:
        uneven.append((first_line + row.number - 1, row.actual_columns))
        return "error"

    uneven: list[tuple[int, int]] = []
    parsing = copy(options)
    parsing.invalid_row_handler = refuse
    try:
        table = pc.read_csv(
            # The parser drops a byte order mark before the block: this one, never one that is a row's own.
            pa.BufferReader(BOM + block),
            # One chunk, one thread: only then does the parser number its rows.
            read_options=pc.ReadOptions(column_names=names, block_size=len(BOM) + len(block) + 1, use_threads=False),
            parse_options=parsing,
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        if not uneven:
            raise SourceError(path, first_line, f"the CSV cannot be read from here: {error}", "Check it.") from None
        line, found = uneven[0]
        rule = f"{found} fields where the first line has {len(names)}"
        raise SourceError(path, line, rule, "Correct or remove the line.") from None
    return {name: table[name].combine_chunks() for name in names}


def _check_encoding(path: Path, first_line: int, block: bytes) -> None:
    check_binary(path, first_line, block)
    if block.isascii():
        return
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + block[: error.start].count(b"\n")
        raise SourceError(path, line, "the text is not UTF-8", "Convert it: iconv -f LATIN1 -t UTF-8.") from None


def _blank_line(path: Path, line: int) -> SourceError:
    return SourceError(path, line, "a blank line between rows", "Remove the line.")
