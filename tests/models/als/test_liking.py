"""What the score that orders movies adds to the stars: settled on the slice, and nothing for who liked nothing."""

from dataclasses import replace

import numpy as np
import pytest

from reco_assets.models.als.config import EaseConfig, Liking, Mix, ModelConfig
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.settling import Pairs, _settle_liking
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.ratings import Ratings

CONFIG = ModelConfig(
    ExplicitAls(4, 5, 0.1, 1), ImplicitAls(8, 5, 0.1, 1, 0.75), 3.5, EaseConfig(20.0, 16), mix=Mix(0.5, 1.0, 0.1)
)
COLD = 99  # rates, and likes nothing


def ratings() -> Ratings:
    rng = np.random.default_rng(1)
    user, movie = np.nonzero(rng.random((60, 40)) < 0.5)
    stars = rng.integers(2, 9, len(user)) / 2
    both = np.append(user, [COLD] * 3), np.append(movie, [0, 1, 2]), np.append(stars, [1.0] * 3)
    return Ratings(both[0].astype(np.int32), both[1].astype(np.int32), both[2].astype(np.float32))


def test_stars_get_what_the_score_is_above_the_usual_one() -> None:
    train, liking = ratings(), Liking(stars=0.5, usual=0.2)
    plain, with_liking = (AlsRecommender.fit(train, replace(CONFIG, liking=each)) for each in (Liking(), liking))
    users, movies = np.repeat(np.arange(60), 40), np.tile(np.arange(40), 60)
    expected = np.clip(plain.predict(users, movies) + 0.5 * (plain.score(users, movies) - 0.2), 0.5, 5)
    inside = (plain.predict(users, movies) > 0.5) & (plain.predict(users, movies) < 5)
    assert inside.mean() > 0.9
    assert with_liking.predict(users, movies)[inside] == pytest.approx(expected[inside], abs=1e-5)


def test_who_liked_nothing_gets_the_stars_as_they_are() -> None:
    plain, with_liking = (
        AlsRecommender.fit(ratings(), replace(CONFIG, liking=each)) for each in (Liking(), Liking(0.5, 0.2))
    )
    cold, movies = np.full(40, COLD), np.arange(40)
    assert with_liking.predict(cold, movies).tolist() == plain.predict(cold, movies).tolist()


@pytest.mark.parametrize(("true", "found"), [(0.8, 0.8), (0.0, 0.0), (-0.8, 0.0)])
def test_it_is_settled_where_stars_follow_the_score_and_only_there(true: float, found: float) -> None:
    rng = np.random.default_rng(0)
    scores, noise = rng.random(4_000), rng.normal(0, 0.2, 4_000)
    pairs = (np.arange(4_000), np.zeros(4_000, np.int64))

    def score(asked: Pairs, liking: Liking) -> np.ndarray:
        return liking.stars * (scores[asked[0]] - liking.usual)

    stars = 3.0 + true * (scores - 0.5) + noise
    liking, errors = _settle_liking(np.full(4_000, 3.0), stars, pairs, score)
    assert liking.stars == pytest.approx(found, abs=0.05)
    assert errors.mean() <= ((stars - 3.0) ** 2).mean()
