"""Lists of many mixes at once are those of one product for each."""

from dataclasses import replace

import numpy as np
import pytest

from reco_assets.models.als import solver
from reco_assets.models.als.config import EaseConfig, Mix, ModelConfig
from reco_assets.models.als.mixes import Movies, lists_by_mix
from reco_assets.models.als.ranking import fit_ranking
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.baselines import counts_of, likes_of
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED, Side, best_movies

CONFIG = ModelConfig(ExplicitAls(4, 5, 0.1, 1), ImplicitAls(8, 5, 0.1, 1, 0.75), 3.5, EaseConfig(20.0, 16))
MIXES = [Mix(1.0, 0.0, 0.1), Mix(0.0, 1.0, 0.1), Mix(0.5, 1.0, 0.1), Mix(0.5, 1.0, 3.0), Mix(0.0, 0.0, 1.0)]


def ratings(movies: int) -> Ratings:
    """140 users, of whom the first has rated all movies but two."""
    rng = np.random.default_rng(5)
    rated = rng.random((140, movies)) < 0.4
    rated[0] = np.arange(movies) >= 2
    user, movie = np.nonzero(rated)
    return Ratings(user.astype(np.int32), movie.astype(np.int32), rng.integers(1, 11, len(user)).astype(np.float32) / 2)


@pytest.mark.parametrize("movies", [60, 7])
@pytest.mark.parametrize(
    "models", [Mix(1.0, 1.0, 1.0), Mix(1.0, 0.0, 1.0), Mix(0.0, 1.0, 1.0)], ids=["both", "als", "ease"]
)
def test_the_lists_of_each_mix_are_those_of_its_own_product(movies: int, models: Mix) -> None:
    train, config = ratings(movies), replace(CONFIG, mix=models)
    stars = train.stars
    vectors, items = fit_ranking(likes_of(stars.matrix, 3.5), counts_of(stars.matrix), config, solver.factorize)
    mixes = [mix for mix in MIXES if (mix.als == 0 or models.als) and (mix.ease == 0 or models.ease)]
    found = lists_by_mix(Side(stars.user_ids, vectors), Movies(stars.movie_ids, items), mixes, train, 10)
    assert [*found] == mixes
    for mix in mixes:
        users, lists = vectors * items.weights(mix), found[mix]
        expected = best_movies(Side(stars.user_ids, users), Side(stars.movie_ids, items.vectors), 10, train)
        assert lists.movie_id.shape == (len(users), min(10, movies))
        assert lists.score == pytest.approx(expected.score[:, : lists.score.shape[1]], abs=1e-5)
        # Of movies with equal scores, as of popularity alone, either may be listed: but with its own score, and once.
        own = np.einsum("ur,unr->un", users, items.vectors[np.searchsorted(stars.movie_ids, lists.movie_id)])
        assert lists.score == pytest.approx(np.where(lists.movie_id == MASKED, 0, own), abs=1e-5)
        assert {*lists.movie_id[0].tolist()} == {0, 1, MASKED}
        assert all(len({*row}) == len(row) for row in lists.movie_id[1:].tolist() if MASKED not in row)
