"""Reading text files without trusting them: structure is checked on bytes before anything parses them.

A file whose structure is damaged (encoding, header, quotes, number of fields) is refused whole, because its
rows cannot be told apart safely. Bad values in well-formed rows are none of this module's business: they reach
bronze as they came, and silver quarantines them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from reco_assets.sources.source import RawTable, SourceError, with_provenance

BLOCK_BYTES = 8 << 20
BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 1 << 20


def require_text_file(path: Path) -> None:
    """Raise `SourceError` unless the path is a readable file with something in it."""
    if not path.exists():
        raise SourceError(path, None, "the file does not exist", "Put it there, or set RECO_SOURCE_PATH.")
    if not path.is_file():
        raise SourceError(path, None, "this is not a regular file", "Give the path of a file.")
    if path.stat().st_size == 0:
        raise SourceError(path, None, "the file is empty", "Replace it by a complete copy.")


def line_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, whole lines as bytes), in blocks of about `BLOCK_BYTES`.

    Raises `SourceError` on a line longer than `MAX_LINE_BYTES`.
    """
    first_line, rest = 1, b""
    with path.open("rb") as handle:
        while chunk := handle.read(BLOCK_BYTES):
            block, newline, tail = (rest + chunk).rpartition(b"\n")
            if len(tail) > MAX_LINE_BYTES:
                line = first_line + block.count(b"\n") + len(newline)
                raise SourceError(path, line, f"the line is over {MAX_LINE_BYTES:,} bytes", "Is this a text file?")
            rest = tail
            if newline:
                yield first_line, block + newline
                first_line += block.count(b"\n") + 1
    if rest:
        yield first_line, rest


def check_text(path: Path) -> int:
    """Check encoding, binary content, quotes and blank lines; return the number of lines that hold something.

    Raises `SourceError` naming the first line that breaks a rule.
    """
    lines, first_blank = 0, None
    for first_line, block in line_blocks(path):
        if first_blank is not None and block.strip():
            raise _blank_line(path, first_blank)
        _check_encoding(path, first_line, block)
        if b'"' in block:
            _check_quotes(path, first_line, block)
        found = block.count(b"\n") + (not block.endswith(b"\n"))
        body = block.rstrip(b"\r\n")
        filled = body.count(b"\n") + 1 if body else 0
        if b"\n\n" in body or b"\n\r\n" in body or (block.startswith((b"\n", b"\r\n")) and body):
            gap = next(n for n, line in enumerate(block.split(b"\n")) if not line.strip(b"\r"))
            raise _blank_line(path, first_line + gap)
        if filled < found:
            first_blank = first_line + filled
        lines += filled
    return lines


def check_header(path: Path, columns: tuple[str, ...]) -> None:
    """Raise `SourceError` unless the first line names exactly these columns in this order."""
    with path.open("rb") as handle:
        first = handle.readline(MAX_LINE_BYTES).removeprefix(BOM)
    found = tuple(name.strip().strip('"') for name in first.decode("utf-8", "replace").strip("\r\n").split(","))
    if found != columns:
        shown = ",".join(found)[:120]
        fix = "Reorder the columns." if sorted(found) == sorted(columns) else "Rename or add the columns."
        raise SourceError(path, 1, f"the header must be {','.join(columns)}, found {shown!r}", fix)


def csv_table(path: Path, columns: tuple[str, ...]) -> RawTable:
    """A CSV file with a header as a raw table. Raises `SourceError` before the first batch is read."""

    def batches() -> Iterator[pa.RecordBatch]:
        require_text_file(path)
        lines = check_text(path)
        check_header(path, columns)
        loaded_ts = now()
        rows = 0
        for batch in _csv_batches(path, columns):
            numbers = pa.array(range(rows + 2, rows + 2 + len(batch)), pa.int64())
            rows += len(batch)
            yield with_provenance(dict(zip(columns, batch.columns, strict=True)), numbers, path.name, loaded_ts)
        if rows != lines - 1:
            raise SourceError(path, None, f"{lines - 1} data lines were read as {rows} rows", "Check the quotes.")

    return RawTable(columns, batches)


def now() -> pa.TimestampScalar:
    """The load time of a file, UTC, in microseconds."""
    return pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC"))


def _csv_batches(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    text = {name: pa.string() for name in columns}
    try:
        yield from pc.open_csv(
            path,
            read_options=pc.ReadOptions(block_size=BLOCK_BYTES),
            convert_options=pc.ConvertOptions(column_types=text, strings_can_be_null=True, null_values=[""]),
        )
    except pa.ArrowInvalid as error:
        line, found = _first_uneven_line(path, len(columns))
        if line is None:
            raise SourceError(path, None, f"the CSV cannot be read: {error}", "Check the file.") from None
        raise SourceError(
            path, line, f"{found} fields where the header has {len(columns)}", "Correct or remove the line."
        ) from None


def _first_uneven_line(path: Path, width: int) -> tuple[int | None, int]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as handle:
        for number, line in enumerate(handle, start=1):
            found = len(next(csv.reader([line]), []))
            if found not in (0, width):
                return number, found
    return None, 0


def _check_encoding(path: Path, first_line: int, block: bytes) -> None:
    if b"\0" in block:
        line = first_line + block[: block.index(b"\0")].count(b"\n")
        raise SourceError(path, line, "a NUL byte: this is binary, not text", "Unpack or replace the file.")
    if block.isascii():
        return
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + block[: error.start].count(b"\n")
        raise SourceError(path, line, "the text is not UTF-8", "Convert it: iconv -f LATIN1 -t UTF-8.") from None


def _check_quotes(path: Path, first_line: int, block: bytes) -> None:
    for number, line in enumerate(block.split(b"\n"), start=first_line):
        if line.count(b'"') % 2:
            raise SourceError(path, number, "a quote that does not close", "Close it, or double it inside a field.")


def _blank_line(path: Path, line: int) -> SourceError:
    return SourceError(path, line, "a blank line between rows", "Remove the line.")
