"""A store without some ratings: nothing of it ever counts them."""

import numpy as np

from reco_assets.features.copies import without
from reco_assets.features.run import compute_store
from reco_assets.features.store import FeatureStore
from tests.features.conftest import Fill

RATED = [(1, 10, 5.0, 0), (1, 20, 2.0, 30), (2, 10, 4.0, 1)]


def test_what_is_held_out_is_in_no_feature_and_the_rest_is_as_if_it_had_never_been(fill: Fill) -> None:
    with (
        FeatureStore.open(compute_store(fill(RATED)).path) as store,
        FeatureStore.open(compute_store(fill(RATED[:2])).path) as never,
    ):
        held_out = store.interactions().slice(2)
        with without(store, held_out) as rest:
            assert rest.interactions() == never.interactions()
            assert rest.training_examples() == never.training_examples()
            assert (rest.version, rest.genres) == (1, store.genres)
            assert rest.newest("movie", np.array([10]))["movie_ratings"].to_pylist() == [1]


def test_movies_stay_known_when_their_only_rating_is_left_out(fill: Fill) -> None:
    with FeatureStore.open(compute_store(fill(RATED)).path) as store, without(store, store.interactions()) as rest:
        assert rest.interactions().num_rows == 0
        assert rest.movie_ids.tolist() == [10, 20, 30]
