"""Raw movies to silver/movies and its quarantine. Pure."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.silver.quarantine import Cleaned, keep_rules, quarantine
from reco_assets.silver.repeats import settle
from reco_assets.sources.layout import RawForm
from reco_assets.sources.source import LINE, SOURCE_FILE
from reco_assets.sources.typed import text_of

NO_GENRES = "(no genres listed)"
SAID = ("title", "genres_string", "year")
_IN_TITLE, _IN_COLUMN = r"\((?P<year>[0-9]{4})\)[ \t]*\z", r"^(?P<year>[0-9]{4})\z"


def clean_movies(rows: pa.Table, form: RawForm, now: datetime) -> Cleaned[pa.Table]:
    """Raw movies, whose lines are written in `form`; of rows with one movie_id the last one read wins."""
    good = pa.array(keep_rules(rows, ("movie_id", "title"), now))
    accepted, refused = rows.filter(good), rows.filter(pac.invert(good))
    said = what_movies_say(accepted, form)
    settled = settle(said, ("movie_id",), SAID, order=(SOURCE_FILE, LINE))
    quarantined = quarantine(refused, accepted.filter(pa.array(settled.lost)), form, now)
    return Cleaned(_silver(said.filter(pa.array(settled.kept))), quarantined)


def what_movies_say(rows: pa.Table, form: RawForm) -> pa.Table:
    """movie_id, title, genres_string, year (text, empty where only the title may hold it), file and line."""
    texts = [text_of(batch, form).get("year", pa.nulls(len(batch), pa.string())) for batch in rows.to_batches()]
    made = {
        "movie_id": rows["movie_id"],
        "title": rows["title"],
        "genres_string": pac.fill_null(rows["genres"], NO_GENRES),
        "year": pac.fill_null(pac.ascii_trim(pa.chunked_array(texts, pa.string()), " "), ""),
    }
    return pa.table({**made, SOURCE_FILE: rows[SOURCE_FILE], LINE: rows[LINE]})


def _silver(movies: pa.Table) -> pa.Table:
    in_title, in_column = _year(movies["title"], _IN_TITLE), _year(movies["year"], _IN_COLUMN)
    silver = movies.select(["movie_id", "title", "genres_string"])
    silver = silver.append_column("genres", pac.split_pattern(movies["genres_string"], "|"))
    return silver.append_column("release_year", pac.coalesce(in_title, in_column).cast(pa.int32()))


def _year(text: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pac.struct_field(pac.extract_regex(text, pattern), "year")
