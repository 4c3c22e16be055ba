"""Places of a list that are kept for movies without ratings, whatever else lists keep."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED, Side, TopN
from reco_assets.rules.catalogue import Catalogue
from reco_assets.rules.editing import Editing, Policy, editing_of
from reco_assets.rules.kept import Movie, Terms, kept
from reco_assets.rules.lists import recommend
from reco_assets.rules.new_movies import Grouped, placed
from reco_assets.rules.rule import Draft
from resources.settings.lists import ListSettings
from tests.rules.conftest import MOVIE_COLUMNS, boost, draft, movie_rows, random_model, rules_of

NEW = (2, 4, 6, 8)
NO_CAPS = np.zeros(0, np.int64)


def lists(movies: list[list[int]], scores: list[list[float]]) -> TopN:
    return TopN(np.arange(len(movies), dtype=np.int32), np.array(movies, np.int32), np.array(scores, np.float32))


def placed_freely(others: TopN, new: TopN, places: int = 1) -> TopN:
    free = (Grouped(each, np.zeros((*each.movie_id.shape, 0), bool)) for each in (others, new))
    return placed(*free, others.movie_id.shape[1], places, NO_CAPS)


KNOWN = lists([[1, 2, 3]], [[0.9, 0.8, 0.7]])


def test_a_new_movie_takes_the_last_place_and_stands_where_its_score_puts_it() -> None:
    for score, expected in ((0.1, [1, 2, 77]), (0.85, [1, 77, 2]), (5.0, [77, 1, 2])):
        found = placed_freely(KNOWN, lists([[77]], [[score]]))
        assert found.movie_id.tolist() == [expected]
        assert (np.diff(found.score) <= 0).all()


def test_a_place_that_no_new_movie_fills_goes_to_the_others() -> None:
    found = placed_freely(KNOWN, lists([[77, MASKED]], [[0.1, 0.0]]), places=2)
    assert found.movie_id.tolist() == [[1, 2, 77]]
    unchanged = placed_freely(KNOWN, lists([[MASKED]], [[0.0]]))
    assert unchanged.movie_id.tolist() == KNOWN.movie_id.tolist()
    np.testing.assert_array_equal(unchanged.score, KNOWN.score)


def test_the_free_places_of_a_list_that_ends_early_are_filled_first() -> None:
    short = lists([[1, 2, MASKED], [1, MASKED, MASKED]], [[0.9, -0.8, 0.0], [0.9, 0.0, 0.0]])
    found = placed_freely(short, lists([[77], [MASKED]], [[-0.1], [0.0]]))
    assert found.movie_id.tolist() == [[1, 77, 2], [1, MASKED, MASKED]]
    assert found.score[1].tolist() == pytest.approx([0.9, 0, 0])


def test_others_that_are_ordered_by_more_than_scores_stay_in_their_order() -> None:
    varied = lists([[1, 2, 3, 4]], [[0.9, 0.2, 0.8, 0.1]])
    assert placed_freely(varied, lists([[77]], [[0.5]])).movie_id.tolist() == [[1, 77, 2, 3]]


def test_a_new_movie_takes_the_place_of_an_other_one_of_its_genre_where_that_is_full() -> None:
    others = Grouped(KNOWN, np.array([[[True], [False], [False]]]))
    new = Grouped(lists([[77, 78]], [[0.5, 0.4]]), np.array([[[True], [True]]]))
    assert placed(others, new, 3, 2, np.array([1])).movie_id.tolist() == [[2, 3, 77]]
    assert placed(others, new, 3, 2, np.array([2])).movie_id.tolist() == [[2, 77, 78]]
    assert placed(others, new, 3, 2, np.array([3])).movie_id.tolist() == [[1, 77, 78]]


@pytest.fixture
def model() -> AlsRecommender:
    """As of `random_model`, which lists movies 1, 3, 5 …, and movies 2, 4, 6 and 8 that nobody rated."""
    vectors = np.random.default_rng(9).normal(size=(len(NEW), 3)).astype(np.float32)
    return replace(random_model(1), new=Side(np.array(NEW, np.int32), vectors))


def editing(model: AlsRecommender, catalogue: Catalogue, *drafts: Draft, **settings: Any) -> Editing:
    return editing_of(Policy(rules_of(*drafts), catalogue, ListSettings.model_validate(settings)), ALS, model)


def new_in(found: TopN) -> list[int]:
    """How many new movies each list has."""
    counts: list[int] = np.isin(found.movie_id, NEW).sum(axis=1).tolist()
    return counts


USERS = np.array([0, 2, 4, 6, 8, 999], np.int32)  # the first liked nothing, the last is a stranger


def share(value: float, **others: Any) -> dict[str, Any]:
    return {"RECOMMEND_NEW_MOVIES_SHARE": value} | {f"RECOMMEND_{name.upper()}": each for name, each in others.items()}


@pytest.mark.parametrize(
    ("n", "value", "places"), [(10, 0.1, 1), (10, 0.3, 3), (5, 0.1, 0), (10, 0.19, 1), (3, 1.0, 3)]
)
def test_as_many_places_are_kept_as_the_share_has_whole_ones(
    model: AlsRecommender, catalogue: Catalogue, n: int, value: float, places: int
) -> None:
    found = recommend(model, editing(model, catalogue, **share(value)), USERS, n)
    assert new_in(found) == [0, *[places] * 4, 0]
    assert (np.diff(np.where(found.movie_id == MASKED, -np.inf, found.score), axis=1) <= 0).all()
    for row in found.movie_id.tolist():
        listed = [movie for movie in row if movie != MASKED]
        assert len(set(listed)) == len(listed)


def test_without_a_share_or_without_new_movies_lists_are_the_models_to_the_last_bit(
    model: AlsRecommender, catalogue: Catalogue
) -> None:
    plain = replace(model, new=None)
    expected = plain.recommend(USERS, 10)
    for asked, value in ((model, 0.0), (plain, 0.5), (replace(model, replaced=("stars",)), 0.0)):
        found = recommend(asked, editing(asked, catalogue, **share(value)), USERS, 10)
        np.testing.assert_array_equal(found.movie_id, expected.movie_id)
        np.testing.assert_array_equal(found.score, expected.score)


def test_new_movies_that_were_seen_or_are_hidden_are_not_listed(model: AlsRecommender, catalogue: Catalogue) -> None:
    seen = Ratings(np.full(2, 4, np.int32), np.array([2, 4], np.int32), np.ones(2, np.float32))
    rules = draft(value="6"), draft(value="8", user_id=2)
    found = recommend(model, editing(model, catalogue, *rules, **share(0.5)), USERS, 8, seen)
    assert new_in(found)[1:5] == [2, 1, 3, 3]
    assert 6 not in found.movie_id
    assert 8 in found.movie_id[2]


def test_a_boosted_new_movie_comes_before_one_with_a_better_score(model: AlsRecommender, catalogue: Catalogue) -> None:
    model = replace(
        model, new=Side(np.array([2, 4], np.int32), model.ranking_users[1] * np.array([[1.0], [0.5]], "f4"))
    )
    for rules, first in (((), 2), ((boost(3, value="4"),), 4)):
        found = recommend(model, editing(model, catalogue, *rules, **share(0.2)), USERS[1:2], 5)
        assert found.movie_id[np.isin(found.movie_id, NEW)].tolist() == [first]


def test_movies_without_ratings_need_none_and_the_other_settings_hold_for_them(model: AlsRecommender) -> None:
    rows = [{"movie_id": movie, "genres": ["Action"], "release_year": None} for movie in NEW]
    catalogue = Catalogue.of(pa.Table.from_pylist([*movie_rows(), *rows], MOVIE_COLUMNS))
    asked = editing(model, catalogue, **share(0.2, least_ratings=3, most_per_genre=2, diversity=0.3))
    found = recommend(model, asked, USERS, 5)
    assert max(new_in(found)) == 1
    names = asked.policy.catalogue.names
    movies = {
        int(movie): Movie(frozenset(name for name, has in zip(names, row, strict=True) if has))
        for part in (asked.policy.catalogue, asked.new.policy.catalogue if asked.new else asked.policy.catalogue)
        for movie, row in zip(part.movie_id, part.genres, strict=True)
    }
    counts = dict(zip(model.movie_ids.tolist(), model.item_counts.tolist(), strict=True))
    terms = Terms((), asked.policy.settings, movies, counts, new_places=1)
    published = [
        (int(user), [m for m in row if m != MASKED]) for user, row in zip(USERS, found.movie_id.tolist(), strict=True)
    ]
    assert kept(published, terms).told == ()


def test_more_new_movies_than_there_are_places_for_are_told() -> None:
    terms = Terms((), ListSettings(), {}, {1: 5}, new_places=1)
    assert kept([(7, [1, 2, 4])], terms).told == ("user 7: 2 movies that nobody rated, and 1 are allowed",)
    assert kept([(7, [1, 2])], terms).broken == 0
