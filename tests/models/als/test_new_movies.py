"""Movies without ratings are listed by what their features let expect, where that is shown to be better than chance."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.als.cold_check import check_prior, hide
from reco_assets.models.als.config import EaseConfig, Mix, ModelConfig
from reco_assets.models.als.family import ALS, add_new_movies
from reco_assets.models.als.new_movies import ENOUGH_RATINGS, NEW_FILE
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.catalogue import MOVIES, Catalogue
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED
from reco_assets.models.trial_slice import Goal
from reco_assets.models.versions.files import ModelStoreError, load_model, load_users, save_model

CONFIG = ModelConfig(
    ExplicitAls(4, 3, 0.1, 1), ImplicitAls(4, 5, 0.1, 1, 0.75), 3.5, EaseConfig(5.0, 8), mix=Mix(0.5, 1.0, 0.1)
)
GOAL = Goal(10, 4.0, 42, "embedded")
RATED, NEW, STRANGER = 120, (500, 501, 502, 503), 999
GENRES = ("Comedy", "Drama")


def rated_by_taste(movies: int = RATED, users: int = 60) -> Ratings:
    """Even users like even movies and no others."""
    rng = np.random.default_rng(3)
    user, movie = np.nonzero(rng.random((users, movies)) < 0.3)
    stars = np.where((user + movie) % 2 == 0, 5.0, 1.0)
    return Ratings(user.astype(np.int32), movie.astype(np.int32), stars.astype(np.float32))


def catalogue(*genres: str, rated: int = RATED, new: tuple[int, ...] = NEW) -> Catalogue:
    """Even movies are of the first genre, odd ones of the second, or all of the only one."""
    ids = [*range(rated), *new]
    rows = [{"movie_id": movie, "genres": [genres[movie % len(genres)]], "release_year": None} for movie in ids]
    return Catalogue.of(pa.Table.from_pylist(rows, MOVIES))


TRAIN = rated_by_taste()
USERS = TRAIN.stars.user_ids


@pytest.fixture(scope="module")
def model() -> AlsRecommender:
    known = add_new_movies(Trained(AlsRecommender.fit(TRAIN, CONFIG)), catalogue(*GENRES)).model
    assert isinstance(known, AlsRecommender)
    return known


class TestCheck:
    def test_features_that_tell_what_users_like_are_better_than_chance(self) -> None:
        found = check_prior(TRAIN, catalogue(*GENRES), CONFIG, GOAL)
        assert found.useful
        assert found.record["auc"]["low"] > 0.6  # those of the user's genre that the user didn't rate are no likes
        assert found.record["ndcg"]["value"] > 1.5 * found.record["genre_popularity"]["ndcg"]
        assert found.record["movies"] == len(NEW)

    def test_one_genre_for_all_tells_nothing(self) -> None:
        found = check_prior(TRAIN, catalogue("Drama"), CONFIG, GOAL)
        assert not found.useful
        assert found.record["auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}
        assert "no better than chance" in found.record["line"]

    def test_genres_that_say_nothing_of_taste_are_not_better_than_chance(self) -> None:
        shuffled = replace(TRAIN, movie_id=np.random.default_rng(1).permutation(RATED).astype(np.int32)[TRAIN.movie_id])
        assert not check_prior(shuffled, catalogue(*GENRES), CONFIG, GOAL).useful

    @pytest.mark.parametrize(
        ("train", "movies", "said"),
        [
            (rated_by_taste(movies=8), catalogue(*GENRES, rated=8), "Too few users and movies to tell"),
            (rated_by_taste(users=3), catalogue(*GENRES), "Too few users and movies to tell"),
            (
                TRAIN,
                catalogue(*GENRES, new=()),
                "No movies without training ratings are listed: every movie has ratings.",
            ),
            (TRAIN, Catalogue.of(MOVIES.empty_table()), "nothing but ratings is known of movies"),
        ],
        ids=["few movies", "few users", "none is new", "no movies file"],
    )
    def test_where_nothing_can_be_told_a_line_says_so(self, train: Ratings, movies: Catalogue, said: str) -> None:
        found = check_prior(train, movies, CONFIG, GOAL)
        assert not found.useful
        assert said in found.record["line"]

    def test_all_ratings_of_a_hidden_movie_are_hidden(self) -> None:
        parts = hide(TRAIN, catalogue(*GENRES), 42)
        assert not np.intersect1d(parts.visible.movie_id, parts.hidden.movie_id).size
        assert len(parts.visible) + len(parts.hidden) == len(TRAIN)
        assert 0 < len(parts.hidden) < len(TRAIN) / 2


class TestLists:
    def test_new_movies_are_listed_to_who_likes_their_features(self, model: AlsRecommender) -> None:
        assert model.new_movies is not None
        assert model.new_movies.movie_ids.tolist() == list(NEW)
        lists = model.new_movies.recommend(USERS, 2)
        assert (lists.movie_id % 2 == USERS[:, None] % 2).all()
        assert (np.diff(lists.score, axis=1) <= 0).all()

    def test_of_movies_with_the_same_features_the_later_comes_first_however_many_users_are_asked(
        self, model: AlsRecommender
    ) -> None:
        assert model.new_movies is not None
        lists = model.new_movies.recommend(USERS, 2).movie_id
        assert {tuple(of) for of in lists.tolist()} == {(502, 500), (503, 501)}
        assert [model.new_movies.recommend(USERS[at : at + 1], 2).movie_id[0].tolist() for at in range(9)] == lists[
            :9
        ].tolist()

    def test_what_was_seen_is_left_out_and_strangers_get_none(self, model: AlsRecommender) -> None:
        assert model.new_movies is not None
        seen = Ratings(np.array([0], np.int32), np.array([500], np.int32), np.ones(1, np.float32))
        lists = model.new_movies.recommend(np.array([0, STRANGER], np.int32), 4, seen)
        assert 500 not in lists.movie_id[0]
        assert lists.movie_id[1].tolist() == [MASKED] * 4

    def test_the_model_itself_neither_lists_nor_knows_them(self, model: AlsRecommender) -> None:
        plain = replace(model, new=None)
        asked = np.append(USERS, np.int32(STRANGER))
        now, then = model.recommend(asked, 9), plain.recommend(asked, 9)
        np.testing.assert_array_equal(now.movie_id, then.movie_id)
        np.testing.assert_array_equal(now.score, then.score)
        assert not model.knows(USERS[:4], np.array(NEW)).any()
        np.testing.assert_array_equal(model.predict(USERS, USERS * 0 + 500), plain.predict(USERS, USERS * 0 + 500))

    def test_nothing_of_a_users_own_is_named_as_a_reason_for_them(self, model: AlsRecommender) -> None:
        assert model.new_movies is not None
        lists = model.new_movies.recommend(USERS, 2)
        assert (model.reasons(lists, TRAIN, 3).movie_id == MASKED).all()

    def test_movies_with_few_ratings_teach_nothing(self) -> None:
        few = TRAIN.where(np.arange(len(TRAIN)) % (len(TRAIN) // ENOUGH_RATINGS) == 0)
        known = add_new_movies(Trained(AlsRecommender.fit(few, CONFIG)), catalogue(*GENRES)).model
        assert known.new_movies is None

    def test_where_popularitys_lists_stand_in_there_are_none(self, model: AlsRecommender) -> None:
        assert replace(model, replaced=("lists",)).new_movies is None
        assert replace(model, replaced=("stars",)).new_movies is not None


class TestVersion:
    def test_however_a_version_is_loaded_it_lists_the_same(self, model: AlsRecommender, tmp_path: Path) -> None:
        record = save_model(folder := tmp_path / "version", ALS, Trained(model), {"version": "20250101_000000"})
        assert ALS.shared is not None
        ways = [load_model(folder, ALS), load_users(folder, ALS, USERS), ALS.shared(folder, record, tmp_path / "maps")]
        for loaded in (*ways, ways[0].fold_in(TRAIN)):
            assert loaded.new_movies is not None
            assert model.new_movies is not None
            now, then = loaded.new_movies.recommend(USERS, 2), model.new_movies.recommend(USERS, 2)
            assert now.movie_id.tolist() == then.movie_id.tolist()

    def test_a_version_that_lost_its_new_movies_or_has_others_is_refused(
        self, model: AlsRecommender, tmp_path: Path
    ) -> None:
        save_model(folder := tmp_path / "version", ALS, Trained(model), {"version": "20250101_000000"})
        (folder / NEW_FILE).write_bytes(b"other")
        for load in (load_model, lambda *which: load_users(*which, USERS)):
            with pytest.raises(ModelStoreError, match=NEW_FILE):
                load(folder, ALS)
        (folder / NEW_FILE).unlink()
        with pytest.raises(ModelStoreError, match=NEW_FILE):
            load_model(folder, ALS)

    def test_a_model_whose_users_are_elsewhere_keeps_its_new_movies_with_the_rest(
        self, model: AlsRecommender, tmp_path: Path
    ) -> None:
        plain = replace(model, new=None)
        made = add_new_movies(Trained(plain, plain.save), catalogue(*GENRES))
        assert made.save is not None
        assert made.save(tmp_path) == plain.save(tmp_path)
        assert (tmp_path / NEW_FILE).exists()
