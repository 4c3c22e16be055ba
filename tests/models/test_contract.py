"""What every recommender keeps to, whatever it is made of: evaluation, gold, drift and commands rely on it."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from reco_assets.models.baselines import BiasOnly, Popularity
from reco_assets.models.explanation import NO_MOVIE
from reco_assets.models.families import FAMILIES
from reco_assets.models.interface import Family, NoRatingsError, Recommender, Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED
from reco_assets.models.versions.files import load_model, load_users, read_record, save_model
from reco_assets.models.versions.smoke import smoke_test
from resources.engine import Engine
from resources.settings import load_settings

STRANGER, UNKNOWN_MOVIE = 999_999, 888_888
BASELINES: dict[str, type[Popularity] | type[BiasOnly]] = {"popularity": Popularity, "bias only": BiasOnly}
SMALL = {"als_rank": 4, "ranking_rank": 4, "ncf_factors": 4, "ncf_max_epochs": 3}
TRAINED = (*(pytest.param(each, marks=[pytest.mark.spark_environment] if each.own else []) for each in FAMILIES), "toy")
Fit = Callable[[Ratings], Recommender]


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def ratings_of(seed: int = 0, users: int = 20, movies: int = 15) -> Ratings:
    """Ids with gaps, half stars, two of five pairs; every user and every movie at least once."""
    rng = np.random.default_rng(seed)
    rated = rng.random((users, movies)) < 0.4
    rated[np.arange(users), np.arange(users) % movies] = True
    user, movie = np.nonzero(rated)
    stars = rng.integers(1, 11, len(user)) / 2
    return Ratings((3 * user + 2).astype(np.int32), (7 * movie + 1).astype(np.int32), stars.astype(np.float32))


TRAIN = ratings_of()
USERS, MOVIES = np.unique(TRAIN.user_id), np.unique(TRAIN.movie_id)


@pytest.fixture(scope="module", params=TRAINED, ids=lambda family: getattr(family, "name", family))
def family(request: pytest.FixtureRequest) -> Family:
    """Every family there is, and a second one that is not registered."""
    found: Family = request.getfixturevalue("toy") if request.param == "toy" else request.param
    return found


@pytest.fixture(scope="module", params=[*TRAINED, *BASELINES], ids=lambda each: getattr(each, "name", each))
def fit(request: pytest.FixtureRequest, engine: Engine) -> Fit:
    if request.param in BASELINES:
        return BASELINES[request.param].fit
    family: Family = request.getfixturevalue("toy") if request.param == "toy" else request.param
    return lambda ratings: family.fit(ratings, family.configure(load_settings(**SMALL)), engine).model


@pytest.fixture(scope="module")
def model(fit: Fit) -> Recommender:
    return fit(TRAIN)


class TestRecommender:
    def test_nothing_can_be_fitted_to_no_ratings(self, fit: Fit) -> None:
        with pytest.raises(NoRatingsError, match="no training ratings"):
            fit(TRAIN.where(np.zeros(len(TRAIN), bool)))

    def test_it_names_the_users_and_movies_of_training_sorted(self, model: Recommender) -> None:
        np.testing.assert_array_equal(model.user_ids, USERS)
        np.testing.assert_array_equal(model.movie_ids, MOVIES)

    def test_a_pair_is_known_when_both_sides_were_in_training(self, model: Recommender) -> None:
        users, movies = ids(USERS[0], USERS[0], STRANGER), ids(MOVIES[0], UNKNOWN_MOVIE, MOVIES[0])
        assert model.knows(users, movies).tolist() == [True, False, False]

    def test_stars_are_within_the_scale_for_any_pair(self, model: Recommender) -> None:
        users, movies = np.meshgrid(ids(*USERS, STRANGER), ids(*MOVIES, UNKNOWN_MOVIE))
        stars = model.predict(users.ravel(), movies.ravel())
        assert (stars.shape, stars.dtype) == ((users.size,), np.float32)
        assert ((stars >= 0.5) & (stars <= 5.0)).all()

    def test_no_pairs_give_no_stars(self, model: Recommender) -> None:
        assert model.predict(ids(), ids()).shape == (0,)

    def test_everyone_gets_a_full_list_a_stranger_too(self, model: Recommender) -> None:
        lists = model.recommend(ids(*USERS, STRANGER), 5)
        assert (lists.movie_id.dtype, lists.score.dtype) == (np.int32, np.float32)
        assert np.isin(lists.movie_id, MOVIES).all()
        assert all(len(set(row)) == 5 for row in lists.movie_id.tolist())

    def test_movies_seen_are_left_out_of_a_users_list_and_of_no_other(self, model: Recommender) -> None:
        (first,) = model.recommend(ids(STRANGER), 1).movie_id[0]
        seen = Ratings(ids(STRANGER), ids(first), np.array([4.0], np.float32))
        own, other = model.recommend(ids(STRANGER, STRANGER + 1), len(MOVIES), seen=seen).movie_id
        assert first not in own
        assert first in other

    def test_scores_fall_along_a_list_and_lists_stand_in_the_order_of_the_question(self, model: Recommender) -> None:
        asked = ids(USERS[3], STRANGER, USERS[1], USERS[3])
        lists = model.recommend(asked, 4, seen=TRAIN)
        assert lists.user_id.tolist() == asked.tolist()
        assert (np.diff(lists.score, axis=1) <= 0).all()
        np.testing.assert_array_equal(lists.movie_id[0], lists.movie_id[3])

    def test_the_score_of_a_pair_is_what_the_users_list_is_ordered_by(self, model: Recommender) -> None:
        asked = ids(USERS[0], STRANGER)
        lists = model.recommend(asked, len(MOVIES))
        scores = model.score(np.repeat(asked, len(MOVIES)), lists.movie_id.ravel())
        np.testing.assert_allclose(scores.reshape(lists.score.shape), lists.score, rtol=1e-5)

    def test_a_movie_that_cannot_be_recommended_scores_below_all_others(self, model: Recommender) -> None:
        assert np.isneginf(model.score(ids(USERS[0], STRANGER), ids(UNKNOWN_MOVIE, UNKNOWN_MOVIE))).all()

    def test_a_list_longer_than_the_catalogue_ends_early(self, model: Recommender) -> None:
        lists = model.recommend(USERS[:2], len(MOVIES) + 3)
        assert (lists.movie_id[:, len(MOVIES) :] == MASKED).all()
        assert (lists.score[:, len(MOVIES) :] == 0).all()

    def test_a_movie_is_not_like_itself_and_rows_are_those_asked_for(self, model: Recommender) -> None:
        lists = model.similar_items(MOVIES[::-1], 3)
        assert lists.user_id.tolist() == MOVIES[::-1].tolist()
        assert lists.movie_id.shape == lists.score.shape == (len(MOVIES), 3)
        assert not (lists.movie_id == MOVIES[::-1][:, None]).any()
        assert np.isin(lists.movie_id, [MASKED, *MOVIES]).all()

    def test_a_movie_the_model_has_not_seen_is_named(self, model: Recommender) -> None:
        with pytest.raises(KeyError, match=str(UNKNOWN_MOVIE)):
            model.similar_items(ids(UNKNOWN_MOVIE), 3)
        with pytest.raises(KeyError, match=str(UNKNOWN_MOVIE)):
            model.explain(int(USERS[0]), UNKNOWN_MOVIE, TRAIN)

    def test_a_folded_in_user_is_known_and_the_model_itself_stays(self, model: Recommender) -> None:
        before = model.predict(TRAIN.user_id, TRAIN.movie_id)
        own = TRAIN.where(TRAIN.user_id == USERS[0])
        folded = model.fold_in(Ratings(np.full(len(own), STRANGER, np.int32), own.movie_id, own.rating))
        assert folded.user_ids.tolist() == [STRANGER]
        assert folded.knows(ids(STRANGER), MOVIES[:1]).all()
        assert not folded.knows(USERS[:1], MOVIES[:1]).any()
        np.testing.assert_array_equal(model.predict(TRAIN.user_id, TRAIN.movie_id), before)

    def test_nobody_can_be_folded_in_and_then_all_are_strangers(self, model: Recommender) -> None:
        folded = model.fold_in(TRAIN.where(np.zeros(len(TRAIN), bool)))
        assert (folded.recommend(USERS[:2], 3).movie_id != MASKED).all()

    @pytest.mark.parametrize("user", [int(USERS[0]), int(USERS[7]), STRANGER])
    def test_the_parts_of_an_explanation_add_up_to_the_score_in_the_folded_in_users_list(
        self, model: Recommender, user: int
    ) -> None:
        lists = model.fold_in(TRAIN).recommend(ids(user), 4, seen=TRAIN)
        for movie, score in zip(lists.movie_id[0], lists.score[0], strict=True):
            found = model.explain(user, int(movie), TRAIN)
            assert found.score == pytest.approx(float(score), rel=1e-4)
            values = [part.value for part in found.parts]
            assert values == sorted(values, reverse=True)

    def test_the_reasons_for_whole_lists_are_the_greatest_parts_of_each_explanation(self, model: Recommender) -> None:
        asked = ids(USERS[7], STRANGER, USERS[0])
        lists = model.recommend(asked, len(MOVIES) + 1, seen=TRAIN)
        found = model.reasons(lists, TRAIN, 2)
        assert found.movie_id.shape == found.share.shape == (*lists.movie_id.shape, 2)
        for at in np.ndindex(lists.movie_id.shape):
            told = found.movie_id[at] != NO_MOVIE
            if lists.movie_id[at] == MASKED:
                assert not told.any()
                continue
            why = model.explain(int(asked[at[0]]), int(lists.movie_id[at]), TRAIN)
            own = [part for part in why.parts if part.movie_id is not None and part.value > 0 and why.score > 0][:2]
            assert found.movie_id[at][told].tolist() == [part.movie_id for part in own]
            shares = [part.value / why.score for part in own]
            np.testing.assert_allclose(found.share[at][told], shares, rtol=1e-3)


class TestFamily:
    @pytest.fixture
    def trained(self, family: Family, engine: Engine) -> Trained:
        return family.fit(TRAIN, family.configure(load_settings(**SMALL)), engine)

    def test_its_configuration_is_a_frozen_dataclass_whose_numbers_go_to_documents(self, family: Family) -> None:
        config = family.configure(load_settings(**SMALL))
        assert is_dataclass(config)
        numbers = family.hyperparameters(config)
        assert numbers
        assert all(isinstance(value, int | float) for value in numbers.values())

    def test_a_version_holds_its_files_and_answers_as_the_trained_model(
        self, family: Family, trained: Trained, tmp_path: Path
    ) -> None:
        save_model(tmp_path / "version", family, trained, {"version": "20250101_000000"})
        assert set(family.files) < {path.name for path in (tmp_path / "version").iterdir()}
        loaded = load_model(tmp_path / "version", family)
        smoke_test(lambda _: loaded, tmp_path / "version", "it")
        asked = ids(*USERS, STRANGER)
        now, then = loaded.recommend(asked, 5, TRAIN), trained.model.recommend(asked, 5, TRAIN)
        np.testing.assert_array_equal(now.movie_id, then.movie_id)
        folded = loaded.fold_in(TRAIN), trained.model.fold_in(TRAIN)
        np.testing.assert_array_equal(*(each.predict(TRAIN.user_id, TRAIN.movie_id) for each in folded))

    def test_its_record_gives_the_configuration_back_from_plain_json(
        self, family: Family, trained: Trained, tmp_path: Path
    ) -> None:
        save_model(tmp_path / "version", family, trained, {})
        record = read_record(tmp_path / "version", family)
        assert record.config == family.configure(load_settings(**SMALL))
        assert type(record) is family.record

    def test_for_a_part_that_its_record_says_is_replaced_a_baseline_answers_however_it_is_loaded(
        self, family: Family, trained: Trained, tmp_path: Path
    ) -> None:
        if not family.replaceable:
            return
        facts = {"version": "20250101_000000", "replaced": family.replaceable}
        record = save_model(folder := tmp_path / "version", family, trained, facts)
        ways = [load_model(folder, family), load_users(folder, family, USERS)]
        ways += [family.shared(folder, record, tmp_path / "arrays")] if family.shared else []
        stars, lists = BiasOnly.fit(TRAIN), Popularity.fit(TRAIN)
        asked = ids(*USERS, STRANGER)
        for model in (*ways, ways[0].fold_in(TRAIN)):
            if "stars" in family.replaceable:
                expected = stars.predict(TRAIN.user_id, TRAIN.movie_id)
                np.testing.assert_allclose(model.predict(TRAIN.user_id, TRAIN.movie_id), expected, rtol=1e-5)
            if "lists" in family.replaceable:
                found, popular = model.recommend(asked, 5, TRAIN), lists.recommend(asked, 5, TRAIN)
                np.testing.assert_array_equal(found.movie_id, popular.movie_id)
                movie = int(MOVIES[3])
                assert model.explain(int(USERS[0]), movie, TRAIN) == lists.explain(int(USERS[0]), movie, TRAIN)
                assert (model.reasons(found, TRAIN, 2).movie_id == NO_MOVIE).all()
        now, then = load_model(folder, family, as_trained=True), trained.model
        np.testing.assert_array_equal(now.recommend(asked, 5, TRAIN).movie_id, then.recommend(asked, 5, TRAIN).movie_id)

    def test_each_part_that_can_be_searched_is_a_field_of_the_configuration(
        self, family: Family, engine: Engine
    ) -> None:
        config = family.configure(load_settings(**SMALL))
        for part in family.search_space(engine):
            settings = getattr(config, part.name)
            assert {parameter.name for parameter in part.parameters} <= {field.name for field in fields(settings)}
            assert part.fit(TRAIN, config).movie_ids.tolist() == MOVIES.tolist()


@pytest.mark.parametrize("kind", [Popularity, BiasOnly])
def test_a_loaded_baseline_answers_exactly_as_the_saved_one(
    kind: type[Popularity] | type[BiasOnly], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, saved = tmp_path_factory.mktemp("baseline"), kind.fit(TRAIN)
    saved.save(folder)
    loaded = kind.load(folder)
    np.testing.assert_array_equal(loaded.predict(USERS, MOVIES[:1]), saved.predict(USERS, MOVIES[:1]))
    now, then = loaded.recommend(ids(*USERS, STRANGER), 5, TRAIN), saved.recommend(ids(*USERS, STRANGER), 5, TRAIN)
    np.testing.assert_array_equal(now.movie_id, then.movie_id)
    np.testing.assert_array_equal(now.score, then.score)


def test_the_parts_of_a_bias_only_score_are_mean_user_and_movie() -> None:
    model = BiasOnly.fit(TRAIN)
    parts = {part.name: part.value for part in model.explain(int(USERS[2]), int(MOVIES[3]), TRAIN).parts}
    assert parts == {
        "mean": model.biases.mean,
        "user": pytest.approx(float(model.biases.user[2]), abs=1e-3),
        "movie": pytest.approx(float(model.biases.item[3]), rel=1e-6),
    }
