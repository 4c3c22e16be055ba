"""Netflix-Prize text: `MOVIE_ID:` lines, each followed by `CUST_ID,RATING,DATE` lines; movie_titles.csv beside."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.ahead import ahead
from reco_assets.sources.layout import Columns, Layout, RawForm
from reco_assets.sources.packed import containers, found, found_all, opened
from reco_assets.sources.source import Format, Loaded, RawTable, Source, SourceError, empty_table, raw_batch
from reco_assets.sources.text_files import (
    check_binary,
    check_line_ends,
    check_text,
    line_blocks,
    now,
    require_text_file,
)
from reco_assets.sources.typed import typed, whole_stars_among

LAYOUT = Layout(
    ratings=Columns(
        {"MOVIE_ID": "movie_id", "CUST_ID": "user_id", "RATING": "rating", "DATE": "date"},
        apart=frozenset({"movie_id"}),
    ),
    movies=Columns({"MOVIE_ID": "movie_id", "YEAR": "year", "TITLE": "title"}),
    tags=Columns({"CUST_ID": "user_id", "MOVIE_ID": "movie_id", "TAG": "tag", "DATE": "date"}),
)
RATINGS, MOVIES, TAGS = LAYOUT

RATINGS_FILES, TITLES_FILE = "combined_data_*.txt", "movie_titles.csv"

_MOVIE_LINE = r"^\d+:$"
_ROW_LINE = r"^[^,]*,[^,]*,[^,]*$"


def source(folder: Path) -> Source:
    """The Netflix-Prize files in a folder, or in a zip. Raises `SourceError` where there is no combined_data_*.txt."""
    files = found_all(folder, RATINGS_FILES)
    if not files:
        raise SourceError(folder, None, f"no {RATINGS_FILES} in this folder", "Set RECO_SOURCE_PATH to theirs.")
    titles = found(folder, TITLES_FILE) or folder / TITLES_FILE
    return Source(
        name="netflix",
        ratings=blocks_table(files),
        movies=titles_table(titles),
        tags=empty_table(TAGS),
        files=containers((*files.values(), titles)),
    )


def blocks_table(files: Mapping[str, Path]) -> RawTable:
    """One or more files in the block format, by the name that rows shall keep, as a raw table of `RATINGS` columns.

    The first block says how whole stars are written.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        for path in files.values():
            require_text_file(path)
        blocks = chain.from_iterable(_blocks(path, name) for name, path in files.items())
        first = next(blocks)
        form = RawForm(RATINGS.fields, whole_stars_among(first[0]["rating"]))
        yield from ahead(lambda block: raw_batch(typed(block[0], form), form, block[1]), chain([first], blocks))

    return RawTable(RATINGS, batches)


def titles_table(path: Path) -> RawTable:
    """movie_titles.csv as a raw table: no header, unquoted titles that may hold commas, Latin-1 as published.

    Raises `SourceError`, when read, on a line without two commas.
    """
    form = RawForm(MOVIES.fields)

    def batches() -> Iterator[pa.RecordBatch]:
        require_text_file(path)
        with opened(path) as handle:
            raw = handle.read()
        check_binary(path, 1, raw)
        check_line_ends(path, 1, raw)
        try:
            decoded = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            decoded = raw.decode("latin-1")
        # Not splitlines(): Latin-1 text may hold NEL and other characters that it takes for line ends.
        rows = [line.removesuffix("\r").split(",", 2) for line in decoded.rstrip("\r\n").split("\n")]
        for number, row in enumerate(rows, start=1):
            if len(row) != len(form.fields):
                raise SourceError(path, number, "not of the form MOVIE_ID,YEAR,TITLE", "Correct or remove the line.")
        text = {name: pa.array([row[at] or None for row in rows], pa.string()) for at, name in enumerate(form.fields)}
        yield raw_batch(typed(text, form), form, Loaded(pa.array(np.arange(1, len(rows) + 1)), path.name, now()))

    return RawTable(MOVIES, batches)


def _blocks(path: Path, name: str) -> Iterator[tuple[dict[str, pa.Array], Loaded]]:
    """The fields of a file's rows as text, {what it is: (n,)}, with where they stand."""
    check_text(path)
    loaded_at, movie = now(), pa.scalar(None, pa.string())
    for first_line, block in line_blocks(path):
        text = block.decode("utf-8-sig" if first_line == 1 else "utf-8").replace("\r\n", "\n").rstrip("\n")
        if not text and first_line > 1:
            break  # only blank lines at the end of the file are left: `check_text` allows no other
        lines = pac.split_pattern(pa.array([text]), "\n").flatten()
        numbers = pa.array(np.arange(first_line, first_line + len(lines)))
        heads = pac.match_substring_regex(lines, _MOVIE_LINE)
        _require_rows(path, lines, numbers, heads)
        movies = pac.fill_null_forward(
            pa.concat_arrays(
                [pa.array([movie.as_py()], pa.string()), pac.if_else(heads, pac.utf8_rtrim(lines, ":"), None)]
            )
        )
        movie = movies[-1]
        rows = pac.invert(heads)
        fields = pac.split_pattern(lines.filter(rows), ",")
        columns = {"movie_id": movies.slice(1).filter(rows)}
        columns |= {name: _text(pac.list_element(fields, at)) for at, name in enumerate(RATINGS.fields[1:])}
        if columns["movie_id"].null_count:
            raise SourceError(path, first_line, "a rating before the first `MOVIE_ID:` line", "Add that line.")
        yield columns, Loaded(numbers.filter(rows), name, loaded_at)


def _require_rows(path: Path, lines: pa.Array, numbers: pa.Array, heads: pa.Array) -> None:
    good = pac.or_(heads, pac.match_substring_regex(lines, _ROW_LINE))
    if not pac.all(good).as_py():
        line = numbers.filter(pac.invert(good))[0].as_py()
        raise SourceError(path, line, "neither `MOVIE_ID:` nor `CUST_ID,RATING,DATE`", "Correct or remove the line.")


def _text(values: pa.Array) -> pa.Array:
    return pac.if_else(pac.equal(values, ""), pa.scalar(None, pa.string()), values)


FORMAT = Format(source, signs=(RATINGS_FILES,))
