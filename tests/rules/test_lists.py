"""Lists of any model keep the rules and settings: what all scores would give is the oracle."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED
from reco_assets.rules.catalogue import Catalogue
from reco_assets.rules.editing import Caps, Policy, editing_of
from reco_assets.rules.kept import Movie, Terms, kept
from reco_assets.rules.lists import recommend, similar_items
from reco_assets.rules.reranking import Wanted, reranked
from reco_assets.rules.rule import Draft
from resources.settings.lists import ListSettings
from tests.rules.conftest import GENRES, MOVIE_COLUMNS, boost, draft, movie_rows, random_model, rules_of

CATALOGUE = Catalogue.of(pa.Table.from_pylist(movie_rows(), MOVIE_COLUMNS))
MOVIES = {row["movie_id"]: Movie(frozenset(row["genres"]), row["release_year"]) for row in movie_rows()}
EVERYONE = np.array([0, 2, 4, 6, 8, 99], np.int32)  # a stranger too
NOBODY_SAW = Ratings(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))

subjects = st.one_of(
    st.tuples(st.just("movie"), st.integers(0, 25).map(str)),
    st.tuples(st.just("genre"), st.sampled_from([*GENRES, "drama", "War"])),
    st.tuples(st.just("year"), st.integers(1999, 2003).map(str)),
)
drafts = st.builds(
    lambda what, user, factor: draft(
        action="hide" if factor is None else "boost", subject=what[0], value=what[1], user_id=user, factor=factor
    ),
    subjects,
    st.none() | st.sampled_from(EVERYONE.tolist()),
    st.none() | st.sampled_from([1.5, 4.0, 10.0]),
)
asked = st.builds(
    lambda most, least, diversity: ListSettings(most_per_genre=most, least_ratings=least, diversity=diversity),
    st.integers(0, 3),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.3, 0.9]),
)


def policy(*rules: Draft, **settings: float) -> Policy:
    return Policy(rules_of(*rules), CATALOGUE, ListSettings(**settings))


def lists(model: AlsRecommender, wanted: Policy, n: int, seen: Ratings = NOBODY_SAW) -> TopN:
    return recommend(model, editing_of(wanted, ALS, model), EVERYONE, n, seen)


def seen_by(model: AlsRecommender, seed: int) -> Ratings:
    rng = np.random.default_rng(seed)
    user, movie = np.nonzero(rng.random((len(EVERYONE), len(model.movie_ids))) < 0.2)
    return Ratings(EVERYONE[user], model.movie_ids[movie], np.ones(len(user), np.float32))


def scores(model: AlsRecommender, wanted: Policy, seen: Ratings) -> dict[int, dict[int, float]]:
    """{user: {movie that may be listed: its score times its factors}}, one pair at a time."""
    found: dict[int, dict[int, float]] = {}
    saw = set(zip(seen.user_id.tolist(), seen.movie_id.tolist(), strict=True))
    for user in EVERYONE.tolist():
        found[user] = {}
        own = [rule.draft for rule in wanted.rules if rule.draft.user_id in (None, user)]
        for at, movie in enumerate(model.movie_ids.tolist()):
            named = [each for each in own if MOVIES[movie].is_named_by(each, movie)]
            few = model.item_counts[at] < wanted.settings.least_ratings
            if (user, movie) in saw or few or any(each.factor is None for each in named):
                continue
            factor = min(float(np.prod([each.factor or 1 for each in named])), 10.0)
            score = float(model.score(np.array([user]), np.array([movie]))[0])
            found[user][movie] = score * factor if score >= 0 else score / factor
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.lists(drafts, max_size=5), st.integers(0, 5), st.integers(1, 13))
def test_hidden_movies_are_left_out_and_boosted_ones_ordered_as_by_all_scores(
    seed: int, rules: list[Draft], least: int, n: int
) -> None:
    model, wanted = random_model(seed), policy(*rules, least_ratings=least)
    seen = seen_by(model, seed)
    found, expected = lists(model, wanted, n, seen), scores(model, wanted, seen)
    for user, movies, values in zip(EVERYONE.tolist(), found.movie_id, found.score, strict=True):
        listed = movies[movies != MASKED].tolist()
        assert len(listed) == min(n, len(expected[user]))
        best = sorted(expected[user].values(), reverse=True)[:n]
        assert [expected[user][movie] for movie in listed] == pytest.approx(best, rel=1e-4, abs=1e-5)
        assert values[: len(listed)].tolist() == pytest.approx(best, rel=1e-4, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.lists(drafts, max_size=5), asked, st.integers(1, 13))
def test_no_list_breaks_a_rule_or_setting_and_none_ends_while_a_movie_is_left_that_would_fit(
    seed: int, rules: list[Draft], of_lists: ListSettings, n: int
) -> None:
    model, wanted = random_model(seed), Policy(rules_of(*rules), CATALOGUE, of_lists)
    seen = seen_by(model, seed)
    found, allowed = lists(model, wanted, n, seen), scores(model, wanted, seen)
    rated = dict(zip(model.movie_ids.tolist(), model.item_counts.tolist(), strict=True))
    terms = Terms(wanted.rules, of_lists, MOVIES, rated)
    published = [
        (user, [movie for movie in movies if movie != MASKED])
        for user, movies in zip(EVERYONE.tolist(), found.movie_id.tolist(), strict=True)
    ]
    assert kept(published, terms).told == ()
    for user, movies in published:
        assert set(movies) <= allowed[user].keys()
        left = allowed[user].keys() - set(movies)
        more = [(user, [*movies, movie]) for movie in left] if len(movies) < n else []
        assert all(kept([each], terms).broken for each in more), "another movie would have fitted"


def test_without_rules_and_settings_lists_are_the_models_to_the_last_bit() -> None:
    model = random_model(1)
    found, expected = lists(model, policy(), 7), model.recommend(EVERYONE, 7, NOBODY_SAW)
    np.testing.assert_array_equal(found.movie_id, expected.movie_id)
    np.testing.assert_array_equal(found.score, expected.score)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 8), st.integers(1, 12))
def test_choosing_without_caps_and_diversity_keeps_the_order(seed: int, n: int, pool: int) -> None:
    candidates = random_model(seed).recommend(EVERYONE, pool, seen_by(random_model(seed), seed))
    at = np.maximum(candidates.movie_id // 2, 0)
    nothing = Wanted(Caps(np.zeros((12, 0), bool), np.zeros(0)))
    found, short = reranked(candidates, at, n, nothing), min(n, pool)
    np.testing.assert_array_equal(found.movie_id[:, :short], candidates.movie_id[:, :short])
    np.testing.assert_array_equal(found.score[:, :short], candidates.score[:, :short])


def test_diversity_prefers_a_movie_unlike_those_above_it() -> None:
    candidates = TopN(np.array([1]), np.array([[10, 11, 12]]), np.array([[1.0, 0.9, 0.6]], np.float32))
    directions = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    wanted = Wanted(Caps(np.zeros((3, 0), bool), np.zeros(0)), 0.5, directions)
    found = reranked(candidates, np.array([[0, 1, 2]]), 3, wanted)
    assert found.movie_id.tolist() == [[10, 12, 11]]
    assert found.score.tolist() == [[1.0, np.float32(0.6), np.float32(0.9)]]


def test_a_list_is_filled_from_far_down_where_those_above_are_of_one_genre() -> None:
    model = random_model(3, users=2, movies=400)
    rows = [{"movie_id": movie, "genres": ["Drama"], "release_year": 2000} for movie in model.movie_ids.tolist()]
    last = model.recommend(EVERYONE[1:2], 400).movie_id[0, -2:].tolist()
    for row in rows:
        row["genres"] = [f"Genre {row['movie_id']}"] if row["movie_id"] in last else ["Drama"]
    wanted = Policy((), Catalogue.of(pa.Table.from_pylist(rows, MOVIE_COLUMNS)), ListSettings(most_per_genre=1))
    found = recommend(model, editing_of(wanted, ALS, model), EVERYONE[1:2], 5)
    assert found.movie_id[0, 1:].tolist() == [*last, MASKED, MASKED]


def test_a_rule_for_one_user_changes_no_other_list() -> None:
    model = random_model(1)
    free = model.recommend(EVERYONE, 4).movie_id
    found = lists(model, policy(draft(value=str(free[2, 0]), user_id=4), boost(10, value="3", user_id=4)), 4).movie_id
    assert free[2, 0] not in found[2]
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(found[others], free[others])


def test_what_is_hidden_from_everyone_is_like_no_movie_and_the_next_ones_follow() -> None:
    model = random_model(1, movies=40)
    free = model.similar_items(model.movie_ids, 12).movie_id
    hidden = free[0, :8].tolist()
    wanted = policy(*(draft(value=str(movie)) for movie in hidden), draft(value=str(free[0, 8]), user_id=2))
    found = similar_items(model, editing_of(wanted, ALS, model), model.movie_ids, 4).movie_id
    assert not np.isin(found, hidden).any()
    assert (found != MASKED).all()
    assert found[0].tolist() == free[0, 8:].tolist()
