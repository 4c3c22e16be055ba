"""What every source gives: raw tables as streams of Arrow batches, columns as they came."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from reco_assets.sources.layout import Layout
from resources.errors import RecoError

LINE, SOURCE_FILE, LOADED_TS = "_line", "_source_file", "_loaded_ts"
PROVENANCE = (
    pa.field(LINE, pa.int64()),
    pa.field(SOURCE_FILE, pa.string()),
    pa.field(LOADED_TS, pa.timestamp("us", tz="UTC")),
)


class SourceError(RecoError):
    """A file is refused. The message names the file (or its URL), the line, the rule and what to do."""

    def __init__(self, path: Path | str, line: int | None, rule: str, fix: str) -> None:
        where = f"{path}, line {line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {rule}. {fix}")


@dataclass(frozen=True)
class RawTable:
    """A raw table: string columns in the file's own names and order, each row with its line number.

    `batches` yields record batches of `columns` + (`_line`, `_source_file`); it may be read once.
    """

    columns: tuple[str, ...]
    batches: Callable[[], Iterator[pa.RecordBatch]]

    @property
    def schema(self) -> pa.Schema:
        """The bronze schema: the file's columns as strings, then where each row came from and when."""
        return pa.schema([*((name, pa.string()) for name in self.columns), *PROVENANCE])


@dataclass(frozen=True)
class Source:
    """A place that raw ratings, movies and tags come from; `optional` names files that need not be there."""

    name: str
    ratings: RawTable
    movies: RawTable
    tags: RawTable
    files: tuple[Path, ...] = ()
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Format:
    """A kind of folder to load from: how it is opened, the columns of what it gives, and how it is recognised.

    `open` raises `SourceError`; `signs`: patterns, below the folder, of a file that this kind cannot do without.
    """

    open: Callable[[Path], Source]
    layout: Layout
    signs: tuple[str, ...]


def empty_table(*columns: str) -> RawTable:
    """A raw table without rows, for what a source does not have."""
    return RawTable(columns, lambda: iter(()))


def with_provenance(
    columns: dict[str, pa.Array], lines: pa.Array, source_file: str, loaded_ts: pa.TimestampScalar
) -> pa.RecordBatch:
    """Add line, file and load time to a batch of raw columns, all of one length n."""
    n = len(lines)
    provenance = (lines, pa.repeat(pa.scalar(source_file), n), pa.repeat(loaded_ts, n))
    names = [*columns, *(f.name for f in PROVENANCE)]
    return pa.record_batch([*columns.values(), *provenance], names=names)
