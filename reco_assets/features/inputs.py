"""What features are made of, read from the lakehouse: ratings and movies of silver, batches of ratings that were
accepted since, and the events of the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.features.compute import Sources
from reco_assets.tables import EVENTS_LOG, SIDE_TABLES, SILVER_MOVIES, SILVER_RATINGS
from reco_assets.vocabulary import HISTORY
from resources.errors import RecoError
from resources.tables.lakehouse import Lakehouse

_SIDES = tuple(spec.name for spec in SIDE_TABLES.values())
INPUTS = (SILVER_RATINGS.name, *_SIDES, SILVER_MOVIES.name, EVENTS_LOG.name)
MOMENT = pa.timestamp("us")  # UTC without saying so, as DuckDB's TIMESTAMP
RATINGS = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("rating", pa.float32()), ("ts", MOMENT)])
EVENTS = pa.schema([*RATINGS, ("kind", pa.string()), ("turn", pa.int64())])
MOVIES = pa.schema(
    [
        ("movie_id", pa.int32()),
        ("title", pa.string()),
        ("genres", pa.list_(pa.string())),
        ("release_year", pa.int32()),
    ]
)
_KEY = ["user_id", "movie_id", "ts"]
_KINDS = ("rating", "view", "click")
_NEW_MOVIE = "movie"
_TITLE_YEAR = r"\((?P<year>[0-9]{4})\)[ \t]*\z"


class FeatureInputsError(RecoError):
    """There is nothing to compute features from; the message says what to do."""


@dataclass(frozen=True)
class Inputs:
    """The sources, and the Delta version of each table that they came from (None: it has none)."""

    sources: Sources
    versions: dict[str, int | None]


def read_inputs(lakehouse: Lakehouse) -> Inputs:
    """Read every table that is there, each at one version. Raises `FeatureInputsError`, `LakehouseError`."""
    versions = {table: lakehouse.version(table) for table in INPUTS if lakehouse.exists(table)}
    ratings = _ratings(lakehouse, versions)
    events, new_movies = _events(lakehouse, versions)
    if not ratings.num_rows and not pac.any(pac.equal(events["kind"], "rating")).as_py():
        raise FeatureInputsError(
            f"There are no ratings to compute features from: neither {SILVER_RATINGS.name} nor {EVENTS_LOG.name} in "
            f"{lakehouse.root} holds any. Load some: reco etl; or let events come in: reco events extract."
        )
    return Inputs(Sources(ratings, events, _movies(lakehouse, versions, new_movies)), versions)


def _ratings(lakehouse: Lakehouse, versions: dict[str, int | None]) -> pa.Table:
    """Those of silver, and of the batches, which are in the split alone: what a batch says counts, as it does there."""
    of_batches = pac.field("origin") != HISTORY
    tables = [(SILVER_RATINGS.name, None), *((side, of_batches) for side in _SIDES)]
    given, *batches = [_rated(lakehouse, table, versions, wanted) for table, wanted in tables]
    streamed = pa.concat_tables(batches)
    if streamed.num_rows:
        given = given.join(streamed.select(_KEY), keys=_KEY, join_type="left anti")
    return pa.concat_tables([given, streamed])


def _rated(
    lakehouse: Lakehouse, table: str, versions: dict[str, int | None], wanted: pac.Expression | None
) -> pa.Table:
    if table not in versions:
        return RATINGS.empty_table()
    rows = _read(lakehouse, table, versions, ("user_id", "movie_id", "rating", "rating_ts"), wanted)
    return _in_seconds(rows.rename_columns({"rating_ts": "ts"})).cast(RATINGS)


def _events(lakehouse: Lakehouse, versions: dict[str, int | None]) -> tuple[pa.Table, pa.Table]:
    """What users did, and the movies that events tell of, the newest last."""
    if EVENTS_LOG.name not in versions:
        return EVENTS.empty_table(), MOVIES.empty_table()
    columns = (*RATINGS.names[:3], "event_ts", "event_type", "title", "genres", "ingested_ts", "partition", "offset")
    wanted = pac.field("event_type").isin((*_KINDS, _NEW_MOVIE))
    rows = _read(lakehouse, EVENTS_LOG.name, versions, columns, wanted)
    order = [(name, "ascending") for name in ("ingested_ts", "partition", "offset")]
    rows = rows.take(pac.sort_indices(rows, sort_keys=order))
    rows = rows.append_column("turn", pa.array(range(rows.num_rows), pa.int64()))
    rows = _in_seconds(rows.rename_columns({"event_ts": "ts", "event_type": "kind"}))
    movies = rows.filter(pac.equal(rows["kind"], _NEW_MOVIE))
    told = rows.filter(pac.not_equal(rows["kind"], _NEW_MOVIE)).select(EVENTS.names).cast(EVENTS)
    return told, _told_movies(movies)


def _told_movies(rows: pa.Table) -> pa.Table:
    """Movies of events with the columns of silver, to which an event's title gives the year as a file's does."""
    return pa.table(
        {
            "movie_id": rows["movie_id"],
            "title": rows["title"],
            "genres": pac.split_pattern(rows["genres"], "|"),
            "release_year": pac.struct_field(pac.extract_regex(rows["title"], _TITLE_YEAR), "year"),
        }
    ).cast(MOVIES)


def _movies(lakehouse: Lakehouse, versions: dict[str, int | None], told: pa.Table) -> pa.Table:
    """The movies of silver, and those that only events tell of, each as the newest event does."""
    known = MOVIES.empty_table()
    if SILVER_MOVIES.name in versions:
        known = _read(lakehouse, SILVER_MOVIES.name, versions, MOVIES.names).cast(MOVIES)
    told = told.filter(pac.invert(pac.is_in(told["movie_id"], known["movie_id"])))
    newest = {movie: row for row, movie in enumerate(told["movie_id"].to_pylist())}
    return pa.concat_tables([known, told.take(pa.array(newest.values(), pa.int64()))])


def _read(
    lakehouse: Lakehouse,
    table: str,
    versions: dict[str, int | None],
    columns: Sequence[str],
    wanted: pac.Expression | None = None,
) -> pa.Table:
    return lakehouse.dataset(table, versions[table]).to_table(columns=list(columns), filter=wanted)


def _in_seconds(rows: pa.Table) -> pa.Table:
    """The same with `ts` in whole seconds of UTC, rounded down."""
    moment = pac.floor_temporal(rows["ts"], unit="second").cast(MOMENT)
    return rows.set_column(rows.column_names.index("ts"), "ts", moment)
