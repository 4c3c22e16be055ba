"""The synthetic source is shaped like MovieLens and depends on its seed alone."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.sources import synthetic
from reco_assets.sources.layout import RawForm
from reco_assets.sources.raw_forms import raw_schema
from reco_assets.sources.synthetic import GENRES, source
from resources.settings.source import SyntheticSettings

SHAPE = SyntheticSettings(users=300, movies=500, ratings=12_000, seed=7)
TABLES = ("ratings", "movies", "tags")


def frame(table):
    """All rows of a raw table, without the load time."""
    return {
        name: np.concatenate([batch[name].to_numpy(zero_copy_only=False) for batch in table.batches()])
        for name in (*table.columns.fields, "_rescued", "_line", "_source_file")
    }


@pytest.fixture(scope="module")
def ratings():
    return frame(source(SHAPE).ratings)


@pytest.fixture(scope="module")
def movies():
    return frame(source(SHAPE).movies)


def stars_matrix(ratings):
    """Stars by user and movie, (users, movies), NaN where there is no rating."""
    stars = np.full((SHAPE.users, SHAPE.movies), np.nan)
    stars[ratings["user_id"] - 1, ratings["movie_id"] - 1] = ratings["rating"]
    return stars


@pytest.mark.parametrize("name", TABLES)
def test_the_batches_have_the_declared_schema(name):
    table = getattr(source(SHAPE), name)
    declared = raw_schema(RawForm(table.columns.fields))
    assert all(batch.schema.equals(declared, check_metadata=True) for batch in table.batches())


@pytest.mark.parametrize("name", TABLES)
def test_the_same_shape_gives_the_same_rows(name):
    once, again = (frame(getattr(source(SHAPE), name)) for _ in range(2))
    assert all((once[column] == again[column]).all() for column in once)


@pytest.mark.parametrize("name", TABLES)
def test_another_seed_gives_other_rows(name):
    one, other = (frame(getattr(source(SHAPE.model_copy(update={"seed": seed})), name)) for seed in (7, 8))
    assert any(one[column].tolist() != other[column].tolist() for column in one)


@pytest.mark.parametrize("name", TABLES)
def test_lines_are_numbered_from_2_without_a_gap(name, monkeypatch):
    monkeypatch.setattr(synthetic, "USERS_PER_BLOCK", 64)
    lines = frame(getattr(source(SHAPE), name))["_line"]
    assert lines.tolist() == list(range(2, len(lines) + 2))


@settings(max_examples=25, deadline=None)
@given(users=st.integers(1, 60), movies=st.integers(1, 60), ratings=st.integers(1, 4_000))
def test_as_many_ratings_as_asked_for_are_made_or_as_many_as_there_are_pairs(users, movies, ratings):
    made = frame(source(SyntheticSettings(users=users, movies=movies, ratings=ratings, seed=1)).ratings)
    wanted = min(ratings, users * movies)
    assert abs(len(made["user_id"]) - wanted) <= 0.05 * wanted
    assert len({*zip(made["user_id"], made["movie_id"], strict=True)}) == len(made["user_id"])


def test_every_user_has_a_rating(ratings):
    assert set(ratings["user_id"]) == set(range(1, SHAPE.users + 1))


def test_stars_are_half_stars(ratings):
    assert set(ratings["rating"]) == {half / 2 for half in range(1, 11)}


def test_every_row_is_plain(ratings):
    assert set(ratings["_rescued"]) == {None}


def test_the_stars_are_distributed_like_movielens(ratings):
    # ml-latest-small: mean 3.50, standard deviation 1.04, 48 % at 4.0 or more, 13 % at 5.0.
    stars = ratings["rating"]
    assert stars.mean() == pytest.approx(3.5, abs=0.15)
    assert stars.std() == pytest.approx(1.04, abs=0.15)
    assert (stars >= 4).mean() == pytest.approx(0.48, abs=0.1)
    assert (stars == 5).mean() == pytest.approx(0.13, abs=0.06)


def test_ratings_are_in_the_order_of_users_and_movies_not_of_time(ratings):
    users, movies, seconds = (ratings[name] for name in ("user_id", "movie_id", "timestamp"))
    of_one_user = np.diff(users) == 0
    assert (np.diff(users) >= 0).all()
    assert (np.diff(movies)[of_one_user] > 0).all()
    assert 0.4 < (np.diff(seconds)[of_one_user] < 0).mean() < 0.6


def test_ratings_are_from_1996_to_2018_of_all_years(ratings):
    seconds = ratings["timestamp"]
    assert synthetic.EARLIEST <= seconds.min() < seconds.max() < synthetic.LATEST
    assert len(np.unique(seconds.astype("datetime64[s]").astype("datetime64[Y]"))) == 23


def test_half_of_the_users_rate_within_a_day_and_some_over_years(ratings):
    users, seconds = ratings["user_id"], ratings["timestamp"]
    days = [np.ptp(seconds[users == user]) / 86_400 for user in np.unique(users)]
    assert 0.3 < np.mean(np.array(days) < 1) < 0.6
    assert 0.02 < np.mean(np.array(days) > 365) < 0.3


def test_where_few_movies_have_many_ratings_each_the_top_tenth_leaves_taste_a_say():
    made = source(SyntheticSettings(users=120, movies=150, ratings=8_000, seed=1))
    counts = sum(np.bincount(batch["movie_id"], minlength=151) for batch in made.ratings.batches())
    seen_by_all = 15 * 120
    assert 800 < np.sort(counts)[::-1][:15].sum() < 0.9 * seen_by_all


@pytest.mark.parametrize("shape", [(600, 2_000, 60_000), (600, 9_000, 100_000), (3_000, 4_000, 500_000)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_tenth_of_the_movies_has_three_fifths_of_the_ratings(shape, seed):
    users, movies, ratings = shape
    made = source(SyntheticSettings(users=users, movies=movies, ratings=ratings, seed=seed))
    counts = sum(np.bincount(batch["movie_id"], minlength=movies + 1) for batch in made.ratings.batches())
    assert np.sort(counts)[::-1][: movies // 10].sum() / ratings == pytest.approx(0.6, abs=0.03)


def test_activity_has_a_long_tail(ratings):
    counts = np.array([*Counter(ratings["user_id"]).values()])
    assert counts.max() > 5 * np.median(counts)
    assert counts.max() <= SHAPE.movies // 2


def test_taste_has_low_rank(ratings):
    # A few factors that explain users' deviations from the movies' means on known pairs: the singular values of
    # the filled matrix fall off at once, where shuffled ratings have none that stand out.
    stars = stars_matrix(ratings)
    residual = stars - np.nanmean(stars, axis=1, keepdims=True)
    known = ~np.isnan(residual)
    shuffled = residual.copy()
    shuffled[known] = np.random.default_rng(0).permutation(residual[known])

    def strongest(matrix):
        return np.linalg.svd(np.nan_to_num(matrix), compute_uv=False)[: synthetic.TASTES]

    assert strongest(residual)[0] > 1.3 * strongest(shuffled)[0]


def test_users_rate_what_they_like_more_than_chance_would(ratings):
    # The same movies in the same numbers, but dealt out at random, would meet a user's taste less often: two users'
    # choices would then overlap only through popularity.
    rated = ~np.isnan(stars_matrix(ratings))
    heavy = rated[rated.sum(axis=1) >= 40].astype(float)
    expected = heavy.sum(axis=1, keepdims=True) * heavy.sum(axis=0) / heavy.sum()
    strengths = np.linalg.svd(heavy - expected, compute_uv=False)
    assert strengths[0] > 1.5 * strengths[len(strengths) // 4]


def test_there_are_as_many_movies_as_asked_for(movies):
    assert movies["movie_id"].tolist() == [*range(1, SHAPE.movies + 1)]


def test_titles_differ_and_carry_a_year(movies):
    years = [int(title[-5:-1]) for title in movies["title"] if title[-6] == "(" and title[-1] == ")"]
    assert len(set(movies["title"])) == len(years) == SHAPE.movies
    assert 1960 < min(years) < max(years) < 2019


def test_genres_are_one_to_three_of_the_known_ones(movies):
    genres = [names.split("|") for names in movies["genres"]]
    assert {len(names) for names in genres} == {1, 2, 3}
    assert {name for names in genres for name in names} <= set(GENRES)


def test_tags_are_by_users_on_movies_that_there_are():
    tags = frame(source(SHAPE).tags)
    assert set(tags["user_id"]) <= set(range(1, SHAPE.users + 1))
    assert set(tags["movie_id"]) <= set(range(1, SHAPE.movies + 1))
    assert all(tags["tag"])
