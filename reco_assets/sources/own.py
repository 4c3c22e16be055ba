"""A person's own files, as `Files` describes them, in the platform's terms: every row a line of MovieLens's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.ahead import ahead
from reco_assets.sources.convert import NO_TIME, seconds_of, stars_of
from reco_assets.sources.dialect import Files, MoviesFile, RatingsFile, TagsFile, Text
from reco_assets.sources.ids import ID_FIELDS, Ids, are_text, distinct_of
from reco_assets.sources.layout import Columns, RawForm
from reco_assets.sources.own_blocks import Block, own_blocks
from reco_assets.sources.packed import containers, found
from reco_assets.sources.source import Loaded, RawTable, Source, SourceError, empty_table, raw_batch
from reco_assets.sources.text_files import now
from reco_assets.sources.typed import typed, whole_stars_among

_Text = Mapping[str, pa.Array]


def _columns(*fields: str) -> Columns:
    return Columns({field: field for field in fields})


RATINGS = _columns("user_id", "movie_id", "rating", "timestamp")
MOVIES = _columns("movie_id", "title", "genres")
TAGS = _columns("user_id", "movie_id", "tag", "timestamp")
_NO_TEXT = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class _Table:
    """A file, what is asked of it, and what makes the platform's fields of those."""

    path: Path
    form: Text
    asked: Mapping[str, int | str]
    columns: Columns
    convert: Callable[[_Text], _Text]

    def blocks(self) -> Iterator[Block]:
        return own_blocks(self.path, self.form, self.asked)

    def ids(self, name: str) -> Iterator[pa.Array]:
        asked = {name: self.asked[name]}
        return (_trimmed(block.text[name]) for block in own_blocks(self.path, self.form, asked))


def own_source(name: str, folder: Path, files: Files) -> Source:
    """The files in a folder. Raises `SourceError` for one that is not there."""
    tables = {"ratings": _table(folder, files.ratings, RATINGS, _rating_fields(files.ratings))}
    if files.movies:
        tables["movies"] = _table(folder, files.movies, MOVIES, _movie_fields(files.movies))
    if files.tags:
        tables["tags"] = _table(folder, files.tags, TAGS, _tag_fields(files.tags))
    plain = _source(name, tables, None, files.said)
    if files.ids == "integer":
        return plain

    def numbered(known: Ids) -> tuple[Source, Ids]:
        ids = _numbered(tables, known, files.ids == "text")
        return _source(name, tables, ids, files.said), ids

    return replace(plain, numbered=numbered)


def _source(name: str, tables: Mapping[str, _Table], ids: Ids | None, said: str) -> Source:
    def raw(table: str, columns: Columns) -> RawTable:
        return _raw_table(tables[table], ids or Ids()) if table in tables else empty_table(columns)

    return Source(
        name=name,
        ratings=raw("ratings", RATINGS),
        movies=raw("movies", MOVIES),
        tags=raw("tags", TAGS),
        files=containers(table.path for table in tables.values()),
        said=said,
    )


def _table(folder: Path, file: RatingsFile | MoviesFile | TagsFile, columns: Columns, fields: "_Fields") -> _Table:
    path = found(folder, file.file)
    if path is None:
        raise SourceError(folder / file.file, None, "the file does not exist", "Put it there, or name another one.")
    asked: dict[str, int | str] = dict(file.columns.items())
    asked.update(fields.extra)
    return _Table(path, file, asked, fields.columns or columns, fields.convert)


@dataclass(frozen=True)
class _Fields:
    """What makes the platform's fields, which further columns that needs, and which fields they are if not all."""

    convert: Callable[[_Text], _Text]
    extra: Mapping[str, int | str]
    columns: Columns | None = None


def _rating_fields(file: RatingsFile) -> _Fields:
    return _Fields(
        lambda text: {**text, **_seconds(text, file.time), "rating": stars_of(text["rating"], file.scale)}, {}
    )


def _tag_fields(file: TagsFile) -> _Fields:
    return _Fields(lambda text: {**text, **_seconds(text, file.time)}, {})


def _movie_fields(file: MoviesFile) -> _Fields:
    flags = {f"flag {genre}": column for column, genre in file.genre_flags.items()}

    def convert(text: _Text) -> _Text:
        genres = text.get("genres", pa.nulls(len(text["movie_id"]), pa.string()))
        if file.genres_separator != "|":
            parts = pac.split_pattern(genres, file.genres_separator)
            trimmed = pa.ListArray.from_arrays(
                parts.offsets, pac.utf8_trim_whitespace(parts.values), mask=parts.is_null()
            )
            genres = pac.binary_join(trimmed, "|")
        if flags:
            named = [pac.if_else(_is_one(text[name]), name.removeprefix("flag ") + "|", "") for name in flags]
            genres = _trimmed(pac.utf8_rtrim(pac.binary_join_element_wise(*named, ""), "|"))
        return {**text, "genres": genres}

    return _Fields(convert, flags, _columns(*MOVIES.fields, "year") if "year" in file.columns else None)


def _is_one(flag: pa.Array) -> pa.Array:
    return pac.fill_null(pac.equal(flag, "1"), False)


def _seconds(text: _Text, written: str) -> _Text:
    if "timestamp" in text:
        return {"timestamp": seconds_of(text["timestamp"], written)}
    return {"timestamp": pa.repeat(NO_TIME, len(text["movie_id"]))}


def _raw_table(table: _Table, ids: Ids) -> RawTable:
    """The first block says how whole stars are written."""

    def batches() -> Iterator[pa.RecordBatch]:
        loaded_at, blocks = now(), table.blocks()
        first = next(blocks, None)
        if first is None:
            return
        ratings = table.convert(first.text).get("rating")
        form = RawForm(table.columns.fields, whole_stars_among(ratings)) if ratings is not None else None

        def converted(block: Block) -> pa.RecordBatch:
            block = _without_forgotten(block, ids)
            text = _with_ids(table.convert(block.text), ids)
            written = form or RawForm(table.columns.fields)
            return raw_batch(typed(text, written), written, Loaded(block.lines, table.path.name, loaded_at))

        yield from ahead(converted, chain([first], blocks))

    return RawTable(table.columns, batches)


def _with_ids(text: _Text, ids: Ids) -> _Text:
    return {**text, **{name: ids.ids_of(name, _trimmed(text[name])) for name in ids.texts if name in text}}


def _without_forgotten(block: Block, ids: Ids) -> Block:
    """The lines without those of forgotten users whose ids are text: once that has no number, nothing tells them."""
    if not ids.gone or "user_id" not in ids.texts or "user_id" not in block.text:
        return block
    kept = pac.invert(ids.gone.among(_trimmed(block.text["user_id"])))
    return Block(block.lines.filter(kept), {name: column.filter(kept) for name, column in block.text.items()})


def _trimmed(text: pa.Array) -> pa.Array:
    """Without blanks around; null where nothing is left."""
    trimmed = pac.utf8_trim_whitespace(text)
    return pac.if_else(pac.equal(trimmed, ""), _NO_TEXT, trimmed)


def _numbered(tables: Mapping[str, _Table], known: Ids, surely: bool) -> Ids:
    """The ids that are text, with what the files add to those that are known. A first look tells which are."""
    ids = Ids(gone=known.gone)
    for name in ID_FIELDS:
        first = next(tables["ratings"].ids(name), None)
        if first is None or not (surely or are_text(first)):
            continue
        came = distinct_of(chain.from_iterable(table.ids(name) for table in tables.values() if name in table.asked))
        ids = Ids({**ids.texts, name: known.with_texts(name, came).texts[name]}, known.gone)
    return ids
