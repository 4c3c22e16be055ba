"""Who came with ratings that the champion has not learned, through trainings that are refused and champions that go."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.batches.accepted import accept_waiting
from reco_assets.gold.answers import recommended
from reco_assets.gold.assets import fresh_agreement, none_seen, recommendations_fresh
from reco_assets.gold.came import (
    agreement_with_retrained,
    ratings_of_who_came,
    recommended_to_who_came,
    seen_but_listed,
)
from reco_assets.gold.recommendations import Order, recommendation_rows
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Annotation
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.rules.checking import check_lists
from reco_assets.rules.reading import add_rules
from reco_assets.rules.rule import Draft
from reco_assets.split.merge import merge_side
from reco_assets.streaming.intake import take_in
from reco_assets.tables import (
    DECLARED,
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    SILVER_MOVIES,
    SPLIT_RATINGS,
    TRAIN_RATINGS,
)
from resources.io_managers import LakehouseIOManager
from resources.tables.lakehouse import Lakehouse

WHEN = datetime(2020, 1, 1, tzinfo=UTC)
FIRST, SECOND = "20250101_000001", "20250102_000001"
USERS, MOVIES, NEW = 20, 40, 900
TakeIn = Callable[..., None]


@pytest.fixture
def store(lakehouse: Lakehouse) -> ModelStore:
    """A champion, FIRST, that learned what USERS said of MOVIES."""
    rng = np.random.default_rng(7)
    user, movie = np.nonzero(rng.random((USERS, MOVIES)) < 0.3)
    stars = (rng.integers(1, 11, len(user)) / 2).astype(np.float32)
    said = {"user_id": user.astype(np.int32), "movie_id": movie.astype(np.int32), "rating": stars}
    words = {"origin": "history", "side": "train", "policy": "any"}
    columns = {"rating_ts": pa.repeat(pa.scalar(WHEN, pa.timestamp("us", "UTC")), len(user))}
    columns |= {name: pa.repeat(pa.scalar(word), len(user)) for name, word in words.items()}
    lakehouse.write(SPLIT_RATINGS, pa.table(said | columns).select(SPLIT_RATINGS.schema.names))
    merge(lakehouse)
    store = model_store(lakehouse.settings, ALS)
    train(lakehouse, store, FIRST)
    store.promote(FIRST, "first")
    return store


def merge(lakehouse: Lakehouse) -> None:
    for side in ("train", "test"):
        merge_side(lakehouse, side)


def train(lakehouse: Lakehouse, store: ModelStore, version: str) -> None:
    learned = Ratings.from_arrow(lakehouse.dataset(TRAIN_RATINGS.name).to_table())
    config = ModelConfig(ExplicitAls(4, 3, 0.1, 1), ImplicitAls(4, 3, 0.1, 1, 0.75), 3.5)
    inputs = {TRAIN_RATINGS.name: lakehouse.version(TRAIN_RATINGS.name)}
    store.save(version, Trained(AlsRecommender.fit(learned, config)), {"inputs": inputs})


@pytest.fixture
def came(lakehouse: Lakehouse) -> TakeIn:
    """Take in a file of rows (user, movie, stars), each of a second of its own, and make the lists."""
    names = iter(range(99))

    def take(*rows: tuple[int, int, float]) -> None:
        lines = [f"2021-01-01 00:00:{movie:02},{user},{movie},{stars}" for user, movie, stars in rows]
        text = "\n".join(["DATE,CUST_ID,MOVIE_ID,RATING", *lines, ""])
        (lakehouse.settings.storage.landing / f"{next(names)}.csv").write_text(text)
        take_in(lakehouse)
        make_lists(lakehouse)

    return take


def make_lists(lakehouse: Lakehouse) -> None:
    made = recommended_to_who_came(lakehouse)
    none = to_arrow_schema(RECOMMENDATIONS_FRESH.schema, timezone="UTC").empty_table()
    lakehouse.write(RECOMMENDATIONS_FRESH, none if made is None else made.rows)


def materialise(lakehouse: Lakehouse) -> None:
    resources = {"lakehouse": lakehouse, "io_manager": LakehouseIOManager(lakehouse, DECLARED)}
    assert dg.materialize([recommendations_fresh, none_seen], resources=resources).success


def fresh(lakehouse: Lakehouse) -> dict[int, dict[str, Any]]:
    return {row["user_id"]: row for row in lakehouse.dataset(RECOMMENDATIONS_FRESH.name).to_table().to_pylist()}


def movies(row: dict[str, Any]) -> list[int]:
    return [entry["movie_id"] for entry in row["recommendations"]]


def folded_in(store: ModelStore, version: str, ratings: Ratings, user: int) -> list[int]:
    lists = store.load(version).fold_in(ratings).recommend(np.array([user], np.int32), 10, ratings)
    return [int(movie) for movie in lists.movie_id[0]]


def of_new(*rows: tuple[int, float]) -> Ratings:
    said, stars = zip(*rows, strict=True)
    return Ratings(np.full(len(rows), NEW, np.int32), np.array(said, np.int32), np.array(stars, np.float32))


def test_before_the_first_intake_and_without_a_champion_the_table_is_empty(lakehouse: Lakehouse, came: TakeIn) -> None:
    materialise(lakehouse)
    assert fresh(lakehouse) == {}
    came((NEW, 1, 5.0))
    assert fresh(lakehouse) == {}


def test_the_asset_is_these_lists(lakehouse: Lakehouse, store: ModelStore, came: TakeIn) -> None:
    came((NEW, 1, 5.0), (3, 2, 5.0))
    before = {user: movies(row) for user, row in fresh(lakehouse).items()}
    materialise(lakehouse)
    assert {user: movies(row) for user, row in fresh(lakehouse).items()} == before
    every, one = (ratings_of_who_came(lakehouse, FIRST, users) for users in (None, pa.array([NEW], pa.int32())))
    assert set(every.user_id.tolist()) == before.keys()
    assert (one.user_id.tolist(), one.movie_id.tolist()) == ([NEW], [1])


def test_a_new_user_of_several_files_gets_one_list_of_the_last_word_on_each_movie(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn
) -> None:
    came((NEW, 1, 5.0), (NEW, 2, 0.5))
    came((NEW, 2, 5.0), (NEW, 3, 4.5), (NEW, 9999, 7.0))  # a correction, and a row for quarantine
    assert movies(fresh(lakehouse)[NEW]) == folded_in(store, FIRST, of_new((1, 5.0), (2, 5.0), (3, 4.5)), NEW)
    assert (fresh(lakehouse).keys(), fresh(lakehouse)[NEW]["basis"]) == ({NEW}, "waiting")


def test_a_user_with_one_rating_of_a_movie_that_nobody_knows_gets_the_popular_movies(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn
) -> None:
    came((NEW, 59, 5.0))
    popular = store.load(FIRST).recommend(np.array([NEW], np.int32), 10).movie_id[0].tolist()
    assert movies(fresh(lakehouse)[NEW]) == popular


def test_where_a_baseline_stands_in_for_lists_who_came_gets_the_popular_movies_but_those_rated(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn
) -> None:
    store.annotate(FIRST, Annotation(replaced=("lists",)))
    popular = store.load(FIRST).recommend(np.array([NEW], np.int32), 10).movie_id[0].tolist()
    came((NEW, popular[0], 5.0))
    assert movies(fresh(lakehouse)[NEW])[:9] == popular[1:]


def test_who_came_keeps_the_list_when_the_retrained_model_is_refused(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn
) -> None:
    came((NEW, 1, 5.0), (3, 2, 5.0))
    before = {user: movies(row) for user, row in fresh(lakehouse).items()}
    accept_waiting(lakehouse, "report")
    merge(lakehouse)
    train(lakehouse, store, SECOND)  # and not promoted
    make_lists(lakehouse)
    assert {user: (movies(row), row["basis"]) for user, row in fresh(lakehouse).items()} == {
        NEW: (before[NEW], "waiting"),
        3: (before[3], "history_and_waiting"),
    }


def test_who_was_learned_is_left_to_the_retrained_lists_until_that_champion_goes(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn
) -> None:
    came((NEW, 1, 5.0))
    before = movies(fresh(lakehouse)[NEW])
    accept_waiting(lakehouse, "report")
    merge(lakehouse)
    train(lakehouse, store, SECOND)
    store.promote(SECOND, "better")
    make_lists(lakehouse)
    assert fresh(lakehouse) == {}
    store.promote(FIRST, "rolled back")
    make_lists(lakehouse)
    assert movies(fresh(lakehouse)[NEW]) == before


@pytest.mark.parametrize("learned", [False, True])
def test_a_list_of_who_still_waits_is_shown_though_another_champion_made_newer_lists(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn, learned: bool
) -> None:
    came((3, 2, 5.0))
    if learned:
        accept_waiting(lakehouse, "report")
        merge(lakehouse)
    train(lakehouse, store, SECOND)
    store.promote(SECOND, "better")
    rated = Ratings.from_arrow(lakehouse.dataset(TRAIN_RATINGS.name).to_table())
    rows = recommendation_rows(store.load(SECOND), rated, SECOND, Order(MOVIES, datetime.now(UTC)))
    lakehouse.write(RECOMMENDATIONS_ALS, rows)
    titles = [{"movie_id": movie, "title": f"film {movie}", "genres": ["Drama"]} for movie in range(MOVIES)]
    lakehouse.write(SILVER_MOVIES, pa.Table.from_pylist(titles, to_arrow_schema(SILVER_MOVIES.schema, timezone="UTC")))
    told = recommended(lakehouse, 3)
    assert told is not None
    assert told.fresh is not learned
    assert 2 not in [entry.movie_id for entry in told.entries]


def test_a_retraining_says_how_far_its_lists_were_foreseen(
    lakehouse: Lakehouse, store: ModelStore, came: TakeIn
) -> None:
    assert agreement_with_retrained(lakehouse) is None
    came((NEW, 1, 5.0), (NEW, 2, 5.0), (3, 2, 5.0))
    accept_waiting(lakehouse, "report")
    merge(lakehouse)
    for version, found in ((FIRST, None), (SECOND, 2)):
        train(lakehouse, store, version) if version == SECOND else None
        rated = Ratings.from_arrow(lakehouse.dataset(TRAIN_RATINGS.name).to_table())
        rows = recommendation_rows(store.load(version), rated, version, Order(10, datetime.now(UTC)))
        lakehouse.write(RECOMMENDATIONS_ALS, rows)
        told = agreement_with_retrained(lakehouse)
        assert (told and told.users) == found
    result = fresh_agreement(lakehouse)
    assert isinstance(result, dg.AssetCheckResult)
    assert str(result.description).startswith("Of 2 users whose ratings waited")


def test_a_list_that_names_what_its_user_rated_is_found(lakehouse: Lakehouse, store: ModelStore, came: TakeIn) -> None:
    came((NEW, 1, 5.0), (3, 2, 5.0))
    assert seen_but_listed(lakehouse) == 0
    wrong = fresh(lakehouse)[NEW] | {"recommendations": [{"movie_id": 1, "score": 1.0, "rank": 1}]}
    lakehouse.write(
        RECOMMENDATIONS_FRESH, pa.Table.from_pylist([wrong], lakehouse.dataset(RECOMMENDATIONS_FRESH.name).schema)
    )
    assert seen_but_listed(lakehouse) == 1


def test_lists_of_who_came_keep_the_rules(lakehouse: Lakehouse, store: ModelStore, came: TakeIn) -> None:
    came((NEW, 1, 5.0))
    best, *others = movies(fresh(lakehouse)[NEW])
    add_rules(lakehouse, [Draft("hide", "movie", str(best), None, None, WHEN.date(), None, "why")])
    make_lists(lakehouse)
    assert movies(fresh(lakehouse)[NEW])[:9] == others
    checked = check_lists(lakehouse, RECOMMENDATIONS_FRESH.name)
    assert (checked.rules, checked.kept.broken) == (1, 0)
