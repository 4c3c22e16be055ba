"""What models are trained and judged on, read from the lakehouse as arrays."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.catalogue import MOVIES, Catalogue
from reco_assets.models.framed import FramedRatings
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Cut, Dated, Goal, Times, cut_by_times, cut_of, dated
from reco_assets.tables import SILVER_MOVIES, SILVER_TAGS, SPLIT_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import AS_DELIVERED, HISTORY, RATING_COLUMNS
from resources.tables.first_rows import first_rows
from resources.tables.lakehouse import Lakehouse

TIMES_ASKED = 1_000_000  # ratings of a side, 12 MB, tell how it was split from the other


def read_ratings(
    lakehouse: Lakehouse, table: str, version: int | None = None, lookback_days: int | None = None
) -> Ratings:
    """A table's ratings, all of them or those of the last days before its newest. Raises `LakehouseError`.

    Days count back from the newest rating and not from today, so that a version can be trained again later.
    """
    if lookback_days is None:
        return Ratings.from_arrow(lakehouse.dataset(table, version).to_table(columns=list(RATING_COLUMNS)))
    return read_dated(lakehouse, table, version, lookback_days).ratings


def read_dated(lakehouse: Lakehouse, table: str, version: int | None = None, lookback_days: int | None = None) -> Dated:
    """The same ratings as `read_ratings` reads, and when each was made. Raises `LakehouseError`."""
    rows = lakehouse.dataset(table, version).to_table(columns=[*RATING_COLUMNS, "rating_ts"])
    return dated(rows).last_days(lookback_days)


def read_rows(lakehouse: Lakehouse, table: str, version: int | None = None) -> pa.Table:
    """The same ratings with the batch that each came in by, `origin`. Raises `LakehouseError`."""
    rows = lakehouse.dataset(table, version).to_table([*RATING_COLUMNS, "rating_ts", "origin"])
    return rows.set_column(4, "origin", rows["origin"].cast(pa.string()))


def read_origins(lakehouse: Lakehouse, table: str, version: int | None) -> set[str]:
    """The batches that a table's ratings came in by, and `history`; the rows stream by. Raises `LakehouseError`."""
    batches = lakehouse.dataset(table, version, encoded=["origin"]).scanner(columns=["origin"]).to_batches()
    return {origin for batch in batches for origin in batch["origin"].unique().to_pylist()}


def frame_ratings(
    lakehouse: Lakehouse, table: str, version: int | None = None, lookback_days: int | None = None
) -> FramedRatings:
    """The same ratings as `read_ratings` reads, left where they are. Raises `LakehouseError`."""
    frame = lakehouse.read(table, version)
    if lookback_days is None:
        return FramedRatings(frame, lakehouse.row_count(table, version))
    newest = frame.agg({"rating_ts": "max"}).toArrow()[0][0].as_py()
    if newest is not None:
        frame = frame.filter(frame["rating_ts"] >= newest - timedelta(days=lookback_days))
    return FramedRatings(frame, frame.count())


def read_test_ratings(lakehouse: Lakehouse, version: int | None) -> tuple[Ratings, np.ndarray]:
    """The n test ratings, and which of them came by stream, (n,) bool. Raises `LakehouseError`."""
    test = lakehouse.dataset(TEST_RATINGS.name, version, encoded=["origin"])
    rows = test.to_table(columns=[*RATING_COLUMNS, "origin"])
    return Ratings.from_arrow(rows), pac.not_equal(rows["origin"].cast(pa.string()), HISTORY).to_numpy()


def read_catalogue(lakehouse: Lakehouse) -> Catalogue:
    """What silver says of movies; without movies where it says nothing. Raises `LakehouseError`."""
    movies, tags = MOVIES.empty_table(), None
    if lakehouse.exists(SILVER_MOVIES.name):
        movies = lakehouse.dataset(SILVER_MOVIES.name).to_table(columns=MOVIES.names)
    if lakehouse.exists(SILVER_TAGS.name):
        given = lakehouse.dataset(SILVER_TAGS.name, encoded=["tag"])
        tags = given.to_table(columns=["user_id", "movie_id", "tag"])
    return Catalogue.of(movies, tags)


def split_of(lakehouse: Lakehouse) -> str:
    """The policy by which the current training rows were split."""
    rows = first_rows(lakehouse.dataset(SPLIT_RATINGS.name), 1, ["policy"]).to_pylist()
    return str(rows[0]["policy"]) if rows else lakehouse.settings.split.policy()


def cut_like(lakehouse: Lakehouse, split: str) -> Cut:
    """How a slice of the training ratings is cut to be like the test side of a split. Raises `LakehouseError`."""
    if split != AS_DELIVERED:
        return cut_of(split)
    return cut_by_times(*(_times(lakehouse, table.name) for table in (TRAIN_RATINGS, TEST_RATINGS)))


def goal_of(lakehouse: Lakehouse, cut: Cut) -> Goal:
    """What the settings ask a model to be good at, and how the slice is cut that it is tried on."""
    judging, seed = lakehouse.settings.judging, lakehouse.settings.training.seed
    return Goal(judging.k, judging.rating_threshold, seed, lakehouse.engine.name, cut)


def _times(lakehouse: Lakehouse, table: str) -> Times:
    """Who rated and when, of the first rows: those of a user lie together."""
    rows = lakehouse.dataset(table).head(TIMES_ASKED, columns=["user_id", "rating_ts"])
    return Times(rows["user_id"].to_numpy(), rows["rating_ts"].cast(pa.int64()).to_numpy())
