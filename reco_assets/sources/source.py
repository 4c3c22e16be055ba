"""What every source gives: raw tables as streams of Arrow batches, in the platform's columns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa

from reco_assets.sources.ids import Ids
from reco_assets.sources.layout import Columns, RawForm
from reco_assets.sources.raw_forms import raw_schema
from resources.errors import RecoError

LINE, SOURCE_FILE, LOADED_TS = "_line", "_source_file", "_loaded_ts"


class SourceError(RecoError):
    """A file is refused. The message names the file (or its URL), the line, the rule and what to do."""

    def __init__(self, path: Path | str, line: int | None, rule: str, fix: str) -> None:
        where = f"{path}, line {line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {rule}. {fix}")


@dataclass(frozen=True)
class Loaded:
    """Which lines of which file some rows were read from (their numbers, (n,) int64), and when."""

    lines: pa.Array
    source_file: str
    at: pa.TimestampScalar


@dataclass(frozen=True)
class RawTable:
    """A raw table: its rows' typed columns and, of those that are not plain, the line.

    `columns` are those of the source's lines. `batches` yields record batches of one `raw_schema`; it may be read once.
    """

    columns: Columns
    batches: Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Source:
    """A place that raw ratings, movies and tags come from.

    Attributes:
        optional: The names of files that need not be there.
        said: What is made of scales and times, for people; empty where nothing is.
        numbered: Where ids may be text: gives, of the ids so far, those with what the files add, and the source that
            has them in place of texts. It reads the files once for that.
    """

    name: str
    ratings: RawTable
    movies: RawTable
    tags: RawTable
    files: tuple[Path, ...] = ()
    optional: frozenset[str] = frozenset()
    said: str = ""
    numbered: "Callable[[Ids], tuple[Source, Ids]] | None" = None


@dataclass(frozen=True)
class Format:
    """A kind of folder to load from: how it is opened, and how it is recognised.

    `open` raises `SourceError`; `signs`: patterns, below the folder, of a file that this kind cannot do without.
    """

    open: Callable[[Path], Source]
    signs: tuple[str, ...]


def empty_table(columns: Columns) -> RawTable:
    """A raw table without rows, for what a source does not have."""
    return RawTable(columns, lambda: iter(()))


def read_raw(table: RawTable, notes: Mapping[str, str] | None = None) -> pa.RecordBatchReader:
    """The table with what is to be noted of it; its first batch, which says how lines are written, is read at once."""
    batches = table.batches()
    first = next(batches, None)
    schema = raw_schema(RawForm(table.columns.fields)) if first is None else first.schema
    read = batches if first is None else chain([first], batches)
    return pa.RecordBatchReader.from_batches(schema.with_metadata(dict(notes or {})), read)


def raw_batch(values: Mapping[str, pa.Array], form: RawForm, loaded: Loaded) -> pa.RecordBatch:
    """Rows of a raw table: typed columns and `_rescued` as `typed` gives them, with where each row came from.

    A column that the source doesn't have is null.
    """
    schema, n = raw_schema(form), len(loaded.lines)
    provenance = {
        LINE: loaded.lines,
        SOURCE_FILE: pa.repeat(pa.scalar(loaded.source_file), n),
        LOADED_TS: pa.repeat(loaded.at, n),
    }
    columns = {**values, **provenance}
    return pa.record_batch([columns.get(field.name, pa.nulls(n, field.type)) for field in schema], schema=schema)
