"""One good table of every declaration, as small as its checks allow."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from reco_assets.quality import kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARATIONS, DECLARED
from reco_assets.quality.finding import Finding
from resources.engine import Engine
from resources.settings import load_settings
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of

Rows = list[dict[str, Any]]
START = datetime(2020, 1, 1, tzinfo=UTC)
USERS, MOVIES = 24, 20


def _ratings(**more: Any) -> Rows:
    """Users of 10 or of 20 ratings, a minute apart, each with all ten half-star values alike."""
    rows = []
    for user in range(USERS):
        for movie in range(10 * (1 + user % 2)):
            moment = START + timedelta(days=user, minutes=movie)
            rating = {"user_id": user, "movie_id": movie, "rating": 0.5 * (movie % 10 + 1), "rating_ts": moment}
            rows.append(rating | {"year": moment.year, "month": moment.month, "line": len(rows) + 2} | more)
    return rows


def _lists(key: str, column: str) -> Rows:
    entries = [{"movie_id": movie, "score": 1.0 / (movie + 1), "rank": movie + 1} for movie in range(5)]
    return [{key: at, column: entries, "model_version": "20200101_000000", "generated_ts": START} for at in range(4)]


OF_CHAMPION = {"variant": "champion"}


def _why() -> Rows:
    because = [{"movie_id": 7, "share": 0.5}, {"movie_id": 8, "share": 0.25}]
    return [{"user_id": 1, "movie_id": at, "because": because, "model_version": "20200101_000000"} for at in range(4)]


def _raw(**values: Any) -> Rows:
    provenance = {"_source_file": "file.csv", "_loaded_ts": START}
    return [values | provenance | {"_line": line} for line in range(2, 6)]


def _refused(**more: str) -> Rows:
    return [{"source": "file.csv", "line": line, "raw": "x", "reasons": ["no"], **more} for line in range(2, 6)]


def _movies() -> Rows:
    genres = {"genres_string": "Drama|War", "genres": ["Drama", "War"]}
    return [
        {"movie_id": movie, "title": f"Film {movie}", "release_year": 1950 + movie, **genres} for movie in range(MOVIES)
    ]


def _tags() -> Rows:
    moment = {"tag_ts": START, "year": START.year, "month": START.month}
    return [{"user_id": user, "movie_id": user, "tag": "slow", **moment} for user in range(4)]


def _offsets() -> Rows:
    place = {"source": "cluster", "topic": "reco.ratings", "partition": 0, "ingested_ts": START}
    return [place | {"offset": offset} for offset in range(4)]


def _events() -> Rows:
    event = {"event_type": "rating", "rating": 4.0, "event_ts": START, "event_date": START.date()}
    return [at | event | {"event_id": f"e{at['offset']}", "user_id": 1, "movie_id": 1} for at in _offsets()]


def _trending() -> Rows:
    return [{"movie_id": at, "score": 1.0, "events": 1, "rank": at + 1, "as_of": START} for at in range(4)]


def _rules() -> Rows:
    about = {"subject": "movie", "value": "7", "from_day": START.date(), "until_day": START.date(), "user_id": 1}
    rule = about | {"action": "boost", "factor": 2.0, "reason": "a festival", "added_ts": START, "removed_ts": START}
    return [rule | {"rule_id": at} for at in range(1, 5)]


def _figures() -> Rows:
    judged = {"judged_version": "v1", "test_version": 3, "judged_ts": START, "model": "candidate", "slice": "genre"}
    return [judged | {"value": f"genre {at}", "test_count": 2, "users": 1} for at in range(4)]


def _exposures() -> Rows:
    shown = {"experiment": "e1", "variant": "champion", "model_version": "20200101_000000", "movies": [7, 8]}
    return [shown | {"user_id": at, "shown_ts": START} for at in range(4)]


GOOD: dict[str, Rows] = {
    "gold/exposures": _exposures(),
    "serving/rules": _rules(),
    "events/log": _events(),
    "events/dead_letters": [at | {"messages": 1, "raw": b"\xff{", "reasons": ["no_json_object"]} for at in _offsets()],
    "gold/trending": _trending(),
    "models/metrics": _figures(),
    "bronze/ratings": _raw(user_id=1, movie_id=1, rating=4.0, timestamp=1),
    "bronze/movies": _raw(movie_id=1, title="Film 1", genres="Drama|War"),
    "bronze/tags": _raw(user_id=1, movie_id=1, tag="slow", timestamp=1),
    "silver/ratings": _ratings(),
    "silver/movies": _movies(),
    "silver/tags": _tags(),
    **{f"silver/quarantine_{name}": _refused() for name in ("ratings", "movies", "tags")},
    "silver/split_ratings": _ratings(origin="history", side="train", policy="random"),
    **{f"silver/{side}_ratings": _ratings(origin="history") for side in ("train", "test", "future")},
    "stream/ratings": _ratings(batch="b1", split="train"),
    "stream/quarantine": _refused(batch="b1"),
    "gold/recommendations_als": [row | OF_CHAMPION for row in _lists("user_id", "recommendations")],
    "gold/recommendations_fresh": [
        row | OF_CHAMPION | {"basis": "waiting"} for row in _lists("user_id", "recommendations")
    ],
    "gold/recommendations_why": _why(),
    "gold/similar_movies": _lists("movie_id", "similar"),
}


@pytest.fixture(scope="session")
def good_rows() -> Callable[[str], Rows]:
    """The rows of a good table, made anew so that a test may break them."""
    return lambda table: [dict(row) for row in GOOD[table]]


@pytest.fixture(scope="session")
def arrow() -> Callable[..., pa.Table]:
    """Rows as a table with the declared columns, or with others."""

    def make(table: str, rows: Rows, columns: StructType | None = None) -> pa.Table:
        schema = to_arrow_schema(columns or DECLARED[table].columns, timezone="UTC")
        return pa.Table.from_pylist(rows, schema=schema)

    return make


@pytest.fixture(scope="session")
def put() -> Callable[[Lakehouse, str, pa.Table], None]:
    """Write a table with whatever columns it has."""
    return lambda lakehouse, name, table: lakehouse.write(TableSpec(name, schema_of(table)), table)


@pytest.fixture(scope="session")
def checked_lake(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, good_rows: Callable, arrow: Callable, put: Callable
) -> Path:
    """A lakehouse of good tables, each checked once, so that there is an earlier version to compare with."""
    lakehouse = Lakehouse(
        load_settings(lakehouse_path=tmp_path_factory.mktemp("good") / "lake", quality_max_ratings_per_day=50), engine
    )
    for declaration in DECLARATIONS:
        put(lakehouse, declaration.table, arrow(declaration.table, good_rows(declaration.table)))
    for declaration in DECLARATIONS:
        assert all(found.passed for found in check_table(lakehouse, declaration, kinds.KINDS)), declaration.table
    return lakehouse.root


@pytest.fixture
def lake(checked_lake: Path, tmp_path: Path, engine: Engine) -> Lakehouse:
    shutil.copytree(checked_lake, tmp_path / "lake")
    return Lakehouse(load_settings(lakehouse_path=tmp_path / "lake", quality_max_ratings_per_day=50), engine)


@pytest.fixture
def check(lake: Lakehouse, put: Callable) -> Callable[[str, pa.Table], list[Finding]]:
    """Replace a table and check it."""

    def run(name: str, table: pa.Table) -> list[Finding]:
        put(lake, name, table)
        return check_table(lake, DECLARED[name], kinds.KINDS)

    return run
