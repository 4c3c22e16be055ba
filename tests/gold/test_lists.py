"""Lists made by an engine's workers in blocks: those made in memory are the oracle."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.gold.blocks import MOVIES_PER_TASK, recommendation_frame, similar_frame
from reco_assets.gold.came import reasons_for_who_came, recommended_to_who_came, seen_but_listed
from reco_assets.gold.lists import Lists, reasons_for_all, recommended_to_all, similar_to_all
from reco_assets.gold.recommendations import Order, recommendation_rows, similar_rows
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.biases import Biases
from reco_assets.models.blocks import Blocks
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import Side
from reco_assets.models.versions.store import model_store
from reco_assets.rules.checking import check_lists
from reco_assets.rules.reading import add_rules
from reco_assets.rules.rule import Draft
from reco_assets.streaming.intake import take_in
from reco_assets.tables import RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH, SILVER_MOVIES, SPLITS
from resources.tables.lakehouse import Lakehouse

VERSION = "20250101_000001"
NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
USERS, STRANGERS, MOVIES = 30, 3, MOVIES_PER_TASK + 50
MakeLakehouse = Callable[..., Lakehouse]


@pytest.fixture(scope="module")
def model() -> AlsRecommender:
    """Random factors: three users liked nothing, movie 5 was liked by nobody, and 20 movies have no ratings."""
    rng = np.random.default_rng(1)
    users, items = (rng.normal(size=(rows, 4)).astype(np.float32) for rows in (USERS, MOVIES))
    users[:3], items[5] = 0, 0
    return AlsRecommender(
        config=ModelConfig(ExplicitAls(4, 3, 0.1, 1), ImplicitAls(4, 3, 0.1, 1, 0.75), 3.5),
        user_ids=np.arange(USERS, dtype=np.int32),
        movie_ids=np.arange(0, 2 * MOVIES, 2, dtype=np.int32),
        biases=Biases(3.5, np.zeros(USERS, np.float32), np.zeros(MOVIES, np.float32)),
        rating_users=users,
        rating_items=items,
        ranking_users=users,
        ranking_items=items,
        item_counts=rng.permutation(MOVIES).astype(np.int32),
        new=Side(np.arange(1, 40, 2, dtype=np.int32), rng.normal(size=(20, 4)).astype(np.float32)),
    )


@pytest.fixture(scope="module")
def rated() -> Ratings:
    """What users of the model rated, strangers to it too, movies that it doesn't know among them."""
    pairs = [(user, movie) for user in range(USERS + STRANGERS) for movie in range(user % 7, 2 * MOVIES, 90)]
    user, movie = np.array(pairs, np.int32).T
    return Ratings(user, movie, np.full(len(user), 4, np.float32))


@pytest.fixture
def serving(make_lakehouse: MakeLakehouse, model: AlsRecommender, rated: Ratings) -> MakeLakehouse:
    """Opens a lakehouse whose champion is the model; what was rated is on all sides."""
    lakehouse = make_lakehouse()
    store = model_store(lakehouse.settings, ALS)
    store.save(VERSION, Trained(model), {})
    store.promote(VERSION, "first")
    for at, spec in enumerate(SPLITS):
        some = rated.where(np.arange(len(rated)) % len(SPLITS) == at)
        stamp, origin = pa.scalar(NOW, pa.timestamp("us", tz="UTC")), pa.scalar("history")
        rest = {"rating_ts": pa.repeat(stamp, len(some)), "origin": pa.repeat(origin, len(some))}
        lakehouse.write(spec, pa.table({**vars(some), **rest}).select(spec.schema.names))
    return make_lakehouse


def rows_of(lists: Lists) -> pa.Table:
    rows = lists.rows if isinstance(lists.rows, pa.Table) else lists.rows.toArrow()
    return rows.drop_columns("generated_ts")


def require_same(found: pa.Table, expected: pa.Table) -> None:
    """The same rows but for the last digit of scores, as a product's depends on which users are in a block."""
    key, column = found.column_names[:2]
    found = found.sort_by(key).cast(expected.schema)
    lists, wanted = (rows[column].combine_chunks() for rows in (found, expected))
    assert found.drop_columns(column).equals(expected.drop_columns(column))
    assert lists.value_lengths().equals(wanted.value_lengths())
    entries, wanted_entries = lists.flatten(), wanted.flatten()
    for name in ("movie_id", "rank"):
        assert entries.field(name).equals(wanted_entries.field(name))
    np.testing.assert_allclose(entries.field("score"), wanted_entries.field("score"), rtol=1e-5, atol=1e-6)


def test_every_user_gets_the_list_that_memory_gives(
    serving: MakeLakehouse, model: AlsRecommender, rated: Ratings
) -> None:
    lakehouse = serving()
    champion = Blocks.open(model_store(lakehouse.settings, ALS), VERSION)
    pairs = lakehouse.engine.session.createDataFrame(pa.table({"user_id": rated.user_id, "movie_id": rated.movie_id}))
    found = recommendation_frame(lakehouse.engine, champion, pairs, Order(7, NOW)).toArrow()
    require_same(found, recommendation_rows(model, rated, VERSION, Order(7, NOW)))


def test_every_movie_gets_the_list_that_memory_gives(serving: MakeLakehouse, model: AlsRecommender) -> None:
    lakehouse = serving()
    champion = Blocks.open(model_store(lakehouse.settings, ALS), VERSION)
    found = similar_frame(lakehouse.engine, champion, Order(7, NOW)).toArrow()
    require_same(found, similar_rows(model, model.movie_ids, VERSION, Order(7, NOW)))


@pytest.mark.both_engines
@pytest.mark.parametrize("lists", [recommended_to_all, similar_to_all])
def test_tables_beyond_memory_change_nothing_of_what_is_served(
    serving: MakeLakehouse, lists: Callable[[Lakehouse], Lists]
) -> None:
    share = {"recommend_new_movies_share": 0.2}
    in_memory, beyond = serving(**share), serving(**share, spark_in_memory_rows=0)
    assert isinstance(lists(beyond).rows, pa.Table) == (beyond.engine.name == "embedded")
    require_same(rows_of(lists(beyond)), rows_of(lists(in_memory)))


def test_lists_have_places_for_movies_without_ratings_and_no_reasons_for_them(
    serving: MakeLakehouse, model: AlsRecommender
) -> None:
    assert model.new is not None
    lakehouse = serving(recommend_new_movies_share=0.2)
    lakehouse.write(RECOMMENDATIONS_ALS, recommended_to_all(lakehouse).rows)
    rows = rows_of_reasons(reasons_for_all(lakehouse)).to_pylist()
    why = [row["because"] for row in rows if row["movie_id"] in set(model.new.ids.tolist())]
    assert why == [[]] * 2 * (USERS - 3)


@pytest.mark.both_engines
def test_who_came_with_ratings_that_wait_gets_the_list_that_memory_gives(serving: MakeLakehouse) -> None:
    in_memory, beyond = serving(), serving(spark_in_memory_rows=0)
    rows = "".join(f"2020-01-01 00:00:0{movie},{user},{movie * 2},4.5\n" for user in (4, 5, 900) for movie in range(9))
    (in_memory.settings.storage.landing / "came.csv").write_text(f"DATE,CUST_ID,MOVIE_ID,RATING\n{rows}")
    take_in(in_memory)
    made, expected = recommended_to_who_came(beyond), recommended_to_who_came(in_memory)
    assert made is not None
    assert expected is not None
    require_same(rows_of(made), rows_of(expected))
    in_memory.write(RECOMMENDATIONS_FRESH, expected.rows)
    fresh = in_memory.dataset(RECOMMENDATIONS_FRESH.name).to_table().sort_by("user_id")
    assert fresh["basis"].to_pylist() == ["history_and_waiting", "history_and_waiting", "waiting"]
    assert (seen_but_listed(in_memory), seen_but_listed(beyond)) == (0, 0)
    assert {row["user_id"] for row in reasons_for_who_came(in_memory, 900)} == {900}


@pytest.mark.both_engines
def test_rules_and_settings_hold_beyond_memory_as_they_do_in_it(serving: MakeLakehouse, model: AlsRecommender) -> None:
    asked = {"recommend_most_per_genre": 2, "recommend_diversity": 0.3, "recommend_least_ratings": 20}
    in_memory, beyond = serving(**asked), serving(spark_in_memory_rows=0, **asked)
    ids = model.movie_ids.tolist()
    rows = [{"movie_id": each, "genres": [f"Genre {each % 14}"], "release_year": 2000 + each % 4} for each in ids]
    named = [row | {"title": "Film", "genres_string": ""} for row in rows]
    in_memory.write(SILVER_MOVIES, pa.Table.from_pylist(named, to_arrow_schema(SILVER_MOVIES.schema)))
    made = recommended_to_all(in_memory)
    top = made.rows["recommendations"].to_pylist()[5][0]["movie_id"]
    about = {"from_day": NOW.date(), "until_day": None, "reason": "asked for"}
    hides = Draft("hide", "movie", str(top), None, None, **about)
    boosts, own = (
        Draft("boost", "year", "2002", None, 4.0, **about),
        Draft("hide", "genre", "genre 0", 5, None, **about),
    )
    add_rules(in_memory, [hides, boosts, own])
    kept = rows_of(recommended_to_all(in_memory))
    assert not kept.equals(rows_of(made))
    require_same(rows_of(recommended_to_all(beyond)), kept)
    in_memory.write(RECOMMENDATIONS_ALS, made.rows)
    found, expected = (check_lists(each, RECOMMENDATIONS_ALS.name).kept for each in (beyond, in_memory))
    assert expected.broken > 0, "the model's counts are not those of the ratings that lie there"
    assert found == expected


@pytest.mark.both_engines
def test_the_reasons_for_lists_beyond_memory_are_those_that_memory_gives(serving: MakeLakehouse) -> None:
    in_memory, beyond = serving(), serving(spark_in_memory_rows=0)
    in_memory.write(RECOMMENDATIONS_ALS, recommended_to_all(in_memory).rows)
    found, expected = (
        rows_of_reasons(reasons_for_all(each)).sort_by([("user_id", "ascending"), ("movie_id", "ascending")])
        for each in (beyond, in_memory)
    )
    assert found.drop_columns("because").equals(
        expected.drop_columns("because").cast(found.drop_columns("because").schema)
    )
    reasons, wanted = (rows["because"].combine_chunks() for rows in (found, expected))
    assert reasons.value_lengths().equals(wanted.value_lengths())
    assert 0 < len(wanted.flatten()) < 3 * len(wanted)
    assert reasons.flatten().field("movie_id").equals(wanted.flatten().field("movie_id"))
    np.testing.assert_allclose(reasons.flatten().field("share"), wanted.flatten().field("share"), rtol=1e-5)


def rows_of_reasons(lists: Lists) -> pa.Table:
    return lists.rows if isinstance(lists.rows, pa.Table) else lists.rows.toArrow()
