"""The columns of a person's own file as blocks of text, from delimited text or Parquet, whatever packs it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.csv as pc
import pyarrow.parquet as pq

from reco_assets.sources.dialect import Text
from reco_assets.sources.packed import opened
from reco_assets.sources.quotes import check_quotes
from reco_assets.sources.source import SourceError
from reco_assets.sources.text_files import (
    check_binary,
    check_line_ends,
    line_blocks,
    parse,
    require_text_file,
)
from reco_assets.sources.typed import BOM
from resources.text.plain_text import printable

# The parser knows separators of one sign: others become this one, which text has no use for.
_UNIT = b"\x1f"
_SHOWN = 120
_PARQUET_ROWS = 1 << 18


@dataclass(frozen=True)
class Block:
    """Some rows: their lines' numbers (n,) int64, and their fields as text, null where empty: {what it is: (n,)}."""

    lines: pa.Array
    text: Mapping[str, pa.Array]


def own_blocks(path: Path, form: Text, columns: Mapping[str, int | str]) -> Iterator[Block]:
    """Yield the columns of a file, {what it is: its name or its place from 1}. Raises `SourceError`."""
    require_text_file(path)
    yield from (_parquet if ".parquet" in path.suffixes else _delimited)(path, form, columns)


def parquet_names(path: Path) -> list[str]:
    """The names of a Parquet file's columns. Raises `SourceError`."""
    with opened(path) as handle:
        return list(_parquet_file(path, handle).schema_arrow.names)


def _delimited(path: Path, form: Text, columns: Mapping[str, int | str]) -> Iterator[Block]:
    separator = form.separator.encode()
    one = separator if len(separator) == 1 else _UNIT
    quote = '"' if form.quotes and len(separator) == 1 else False
    names: list[str] = []
    for first_line, block in line_blocks(path):
        check_binary(path, first_line, block)
        check_line_ends(path, first_line, block)
        rows = _utf8(path, first_line, block, form.encoding)
        if first_line == 1:
            rows = rows.removeprefix(BOM)
        if one is _UNIT:
            if one in rows:
                raise SourceError(path, first_line, "a unit separator (0x1F) in the text", "Remove it.")
            rows = rows.replace(separator, one)
        elif quote:
            check_quotes(path, first_line, rows, separator)
        number = first_line
        if first_line == 1:
            head, _, rest = rows.partition(b"\n")
            fields = _fields(head.removesuffix(b"\r"), one, quote)
            names = _named(path, fields, form, columns)
            rows, number = (rest, 2) if form.header else (rows, 1)
        rows = rows.rstrip(b"\r\n")
        if rows:
            options = pc.ParseOptions(delimiter=one.decode(), quote_char=quote, ignore_empty_lines=False)
            text = parse(path, number, rows, names, options)
            wanted = {name: text[name] for name in columns}
            yield Block(pa.array(np.arange(number, number + len(wanted[next(iter(wanted))]))), wanted)


def _fields(line: bytes, separator: bytes, quote: str | bool) -> list[str]:
    fields = line.decode("utf-8", "replace").split(separator.decode())
    return [field.strip().strip('"') if quote else field.strip() for field in fields]


def _named(path: Path, fields: list[str], form: Text, columns: Mapping[str, int | str]) -> list[str]:
    """What each field of a line is, a number for one that nobody wants. Raises `SourceError`."""
    places = {what: _place(path, fields, form, column) for what, column in columns.items()}
    names = [f"#{at}" for at in range(len(fields))]
    for what, place in places.items():
        names[place] = what
    return names


def _place(path: Path, fields: list[str], form: Text, column: int | str) -> int:
    shown = printable(f"{' | '.join(fields)}"[:_SHOWN])
    if isinstance(column, int):
        if column <= len(fields):
            return column - 1
        rule = (
            f"column {column} is asked for, and the first line has {len(fields)}, parted by {form.separator!r}: {shown}"
        )
        raise SourceError(path, 1, rule, "Correct columns or separator in columns.yaml or RECO_COLUMNS.")
    if fields.count(column) != 1:
        what = "no column" if column not in fields else "more than one column"
        rule = f"the header has {what} {column!r}; parted by {form.separator!r} it names {shown}"
        raise SourceError(path, 1, rule, "Correct columns or separator in columns.yaml or RECO_COLUMNS.")
    return fields.index(column)


def _utf8(path: Path, first_line: int, block: bytes, encoding: str | None) -> bytes:
    if encoding == "latin-1":
        return block.decode("latin-1").encode()
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        if encoding is None:
            return block.decode("latin-1").encode()
        line = first_line + block[: error.start].count(b"\n")
        fix = "Say encoding: latin-1 in columns.yaml or RECO_COLUMNS, or convert the file."
        raise SourceError(path, line, "the text is not UTF-8", fix) from None
    return block


def _parquet(path: Path, form: Text, columns: Mapping[str, int | str]) -> Iterator[Block]:
    with opened(path) as handle:
        file = _parquet_file(path, handle)
        names = list(file.schema_arrow.names)
        places = {what: _place(path, names, form, column) for what, column in columns.items()}
        wanted = [names[place] for place in places.values()]
        first = 1
        try:
            for batch in file.iter_batches(_PARQUET_ROWS, columns=wanted):
                text = {what: _as_text(path, names[place], batch[names[place]]) for what, place in places.items()}
                yield Block(pa.array(np.arange(first, first + len(batch))), text)
                first += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from None


def _parquet_file(path: Path, handle: object) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(handle)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(path, None, f"the Parquet file can't be read: {error}", "Fetch a complete copy.")


def _as_text(path: Path, name: str, values: pa.Array) -> pa.Array:
    """A column as text: whole numbers without a point, moments as Unix seconds, lists parted by bars."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pac.binary_join(values.cast(pa.list_(pa.string())), "|")
    if pa.types.is_date(kind):
        return values.cast(pa.timestamp("s")).cast(pa.int64()).cast(pa.string())
    if pa.types.is_timestamp(kind):
        return _whole_seconds(values).cast(pa.string())
    if pa.types.is_floating(kind):
        return _number_as_text(values)
    try:
        text = values.cast(pa.string())
    except pa.ArrowException:
        rule = f"column {name!r} holds {kind}, which is no number, text or time"
        raise SourceError(path, None, rule, "Name another column in columns.yaml or RECO_COLUMNS.") from None
    return pac.if_else(pac.equal(text, ""), pa.scalar(None, pa.string()), text)


def _whole_seconds(moments: pa.Array) -> pa.Array:
    """Moments as Unix seconds, without the parts of a second."""
    counted, a_second = moments.cast(pa.int64()), {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[moments.type.unit]
    return pac.divide(counted, a_second)


def _number_as_text(values: pa.Array) -> pa.Array:
    values = pac.if_else(pac.is_nan(values), pa.scalar(None, values.type), values)
    try:
        return values.cast(pa.int64()).cast(pa.string())  # of whole numbers alone: it refuses to lose a part
    except pa.ArrowInvalid:
        return values.cast(pa.string())
