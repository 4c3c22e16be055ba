"""What is fitted where the ratings are is what would be fitted in memory, and its users never come to the driver."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.models.als.config import Liking, Mix, ModelConfig
from reco_assets.models.als.family import ALS, fit_frame
from reco_assets.models.als.recommender import USERS_FILE, AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.biases import Penalties
from reco_assets.models.framed import FramedRatings
from reco_assets.models.interface import NoRatingsError, Recommender
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.files import load_model, load_users, save_model
from reco_assets.models.versions.smoke import smoke_test
from resources.engine import Engine

pytestmark = pytest.mark.both_engines

CONFIG = ModelConfig(ExplicitAls(4, 6, 0.1, 1), ImplicitAls(4, 6, 0.1, 1, 0.75), 3.5)
Frame = Callable[[Ratings], FramedRatings]


def ratings_of(users: int, movies: int) -> Ratings:
    """Ids with gaps, half stars, tastes in them; some pairs are rated twice, and user 2 likes nothing."""
    rng = np.random.default_rng(7)
    taste = 3.3 + rng.normal(size=(users, 2)) @ rng.normal(size=(2, movies))
    user, movie = np.nonzero(rng.random((users, movies)) < 0.4)
    stars = np.clip(np.round(2 * taste[user, movie]) / 2, 0.5, 5.0)
    stars[user == 0] = 1.0
    again = rng.integers(0, len(user), 40)
    rated = Ratings((3 * user + 2).astype(np.int32), (7 * movie + 1).astype(np.int32), stars.astype(np.float32))
    twice = Ratings(rated.user_id[again], rated.movie_id[again], np.full(40, 1.5, np.float32))
    return Ratings.concat([rated, twice])


TRAIN = ratings_of(users=60, movies=40)
IN_MEMORY = AlsRecommender.fit(TRAIN, CONFIG)


@pytest.fixture(scope="module")
def frame(engine: Engine) -> Frame:
    if engine.name != "spark":
        pytest.skip("MLlib needs Apache Spark: RECO_ENGINE=spark; the embedded engine has its own solver")

    def frame(ratings: Ratings) -> FramedRatings:
        columns = {name: getattr(ratings, name) for name in ("user_id", "movie_id", "rating")}
        return FramedRatings(engine.session.createDataFrame(pa.table(columns)), len(ratings))

    return frame


@pytest.fixture(scope="module")
def folder(frame: Frame, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version that was fitted to a frame."""
    path = tmp_path_factory.mktemp("framed") / "version"
    trained = fit_frame(frame(TRAIN), CONFIG, engine)
    assert trained.users == len(IN_MEMORY.user_ids)
    assert len(trained.model.user_ids) <= 20
    save_model(path, ALS, trained, {})
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return load_model(folder, ALS)


def test_biases_counts_and_mean_are_those_that_are_fitted_in_memory(model: AlsRecommender) -> None:
    for side in ("user_ids", "movie_ids", "item_counts"):
        np.testing.assert_array_equal(getattr(model, side), getattr(IN_MEMORY, side))
    np.testing.assert_allclose(model.biases.mean, IN_MEMORY.biases.mean, rtol=1e-9)
    np.testing.assert_allclose(model.biases.user, IN_MEMORY.biases.user, atol=1e-6)
    np.testing.assert_allclose(model.biases.item, IN_MEMORY.biases.item, atol=1e-6)


def test_its_stars_and_lists_are_as_good_as_those_of_the_compiled_solver(model: AlsRecommender) -> None:
    stars = TRAIN.stars.matrix.tocoo()
    users, movies = IN_MEMORY.user_ids[stars.row], IN_MEMORY.movie_ids[stars.col]

    def error(fitted: Recommender) -> float:
        return float(np.sqrt(np.mean((fitted.predict(users, movies) - stars.data) ** 2)))

    def likes_listed(fitted: Recommender) -> float:
        liked = TRAIN.where(TRAIN.rating >= 3.5)
        lists = fitted.recommend(liked.user_id, 10).movie_id
        return float((lists == liked.movie_id[:, None]).any(axis=1).mean())

    assert error(model) == pytest.approx(error(IN_MEMORY), rel=0.03)
    assert likes_listed(model) == pytest.approx(likes_listed(IN_MEMORY), abs=0.05)


def test_mllibs_own_models_are_those_that_were_fitted_with_the_ids_of_users_and_movies(
    folder: Path, model: AlsRecommender, engine: Engine
) -> None:
    from pyspark.ml.recommendation import ALSModel

    for part, sides in {
        "rating": (model.rating_users, model.rating_items),
        "ranking": (model.ranking_users, model.ranking_items),
    }.items():
        native = ALSModel.load(engine.path(folder / "mllib" / part))
        for factors, ids, own in zip(
            (native.userFactors, native.itemFactors), (model.user_ids, model.movie_ids), sides, strict=True
        ):
            for row in factors.toArrow().to_pylist():
                np.testing.assert_array_equal(np.float32(row["features"]), own[np.searchsorted(ids, row["id"])])


def test_a_user_without_a_like_gets_zeros_and_so_popular_movies(model: AlsRecommender) -> None:
    assert not model.ranking_users[0].any()
    asked = np.array([2], np.int32)
    np.testing.assert_array_equal(model.recommend(asked, 3).movie_id, model.popularity.recommend(asked, 3).movie_id)


def test_users_are_files_of_parts_in_their_order_and_some_are_found_without_the_rest(
    folder: Path, model: AlsRecommender
) -> None:
    parts = sorted((folder / USERS_FILE).glob("*.parquet"))
    ids = np.concatenate([pq.read_table(part)["user_id"].to_numpy() for part in parts])
    assert ids.tolist() == model.user_ids.tolist()
    some = load_users(folder, ALS, np.array([5, 8], np.int32))
    assert some.user_ids.tolist() == [5, 8]
    smoke_test(lambda users: load_users(folder, ALS, users), folder, "it")


def test_ease_popularity_and_shrinkage_beside_als_are_what_they_are_in_memory(
    frame: Frame, engine: Engine, tmp_path: Path
) -> None:
    mix, liking = Mix(als=0.5, ease=1.0, popularity=0.1), Liking(0.5, 0.2)
    config = replace(CONFIG, mix=mix, liking=liking, shrinkage=0.5, penalties=Penalties(3.0, 2.0))
    save_model(tmp_path / "version", ALS, fit_frame(frame(TRAIN), config, engine), {})
    model, in_memory, rank = load_model(tmp_path / "version", ALS), AlsRecommender.fit(TRAIN, config), 4
    assert isinstance(model, AlsRecommender)
    np.testing.assert_allclose(model.ranking_users[:, rank:], in_memory.ranking_users[:, rank:], atol=1e-5)
    np.testing.assert_allclose(model.ranking_items[:, rank:], in_memory.ranking_items[:, rank:], atol=1e-5)
    np.testing.assert_allclose(model.biases.user, in_memory.biases.user, atol=1e-6)
    folded = model.fold_in(TRAIN)
    for side in ("ranking_users", "rating_users"):
        assert getattr(folded, side).std() == pytest.approx(getattr(model, side).std(), rel=0.2)
    smoke_test(lambda users: load_users(tmp_path / "version", ALS, users), tmp_path / "version", "it")


def test_nothing_can_be_fitted_to_no_ratings(frame: Frame, engine: Engine) -> None:
    with pytest.raises(NoRatingsError, match="no training ratings"):
        fit_frame(frame(TRAIN.where(np.zeros(len(TRAIN), bool))), CONFIG, engine)


def test_where_nobody_liked_anything_the_ranking_part_is_zero(frame: Frame, engine: Engine, tmp_path: Path) -> None:
    few = TRAIN.where(TRAIN.user_id < 12)
    disliked = replace(few, rating=np.minimum(few.rating, np.float32(3)))
    facts: Mapping[str, Any] = save_model(
        tmp_path / "version", ALS, fit_frame(frame(disliked), CONFIG, engine), {}
    ).files
    model = load_model(tmp_path / "version", ALS)
    assert isinstance(model, AlsRecommender)
    assert not model.ranking_users.any()
    assert not model.ranking_items.any()
    assert not any("mllib/ranking" in name for name in facts)
