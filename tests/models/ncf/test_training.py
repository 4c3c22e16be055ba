"""Training: what it learns, when it stops, and that a killed one goes on to the very same model."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.models.ncf.checkpoints import FINAL, SEARCH, Checkpoints
from reco_assets.models.ncf.config import NcfConfig
from reco_assets.models.ncf.course import Plan, plan
from reco_assets.models.ncf.lessons import Catalogue
from reco_assets.models.training_data import TrainingData

pytestmark = pytest.mark.spark_environment

Learn = Callable[..., Any]


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def learn(planned: Plan, config: NcfConfig) -> Learn:
    from reco_assets.models.ncf import training

    def train(
        checkpoints: Checkpoints | None = None, told: Callable[[Any], None] = lambda _: None, **other: Any
    ) -> Any:
        course = replace(planned.course, **{k: v for k, v in other.items() if k == "validation"})
        wanted = replace(config, **{k: v for k, v in other.items() if k != "validation"})
        return training.learn(course, wanted, checkpoints, told)

    return train


@pytest.fixture(scope="module")
def learned(learn: Learn) -> Any:
    return learn()


def bits(learned: Any) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in learned.parameters.items()}


def test_it_learns_tastes_that_ratings_show(learned: Any) -> None:
    chance = 0.11  # of ten places for 1 movie among about 29 that its user did not rate
    assert learned.outcome.validation_ndcg > 3 * chance


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(learn: Learn, learned: Any) -> None:
    assert bits(learn()) == bits(learned)
    assert bits(learn(seed=2)) != bits(learned)


def test_it_stops_when_epochs_in_a_row_brought_nothing_and_trains_as_many_as_were_best(learn: Learn) -> None:
    epochs: list[Any] = []
    outcome = learn(told=epochs.append, max_epochs=50, patience=2).outcome
    search = [epoch.ndcg for epoch in epochs if epoch.stage == SEARCH]
    assert len(search) == outcome.epochs + 2 < 50
    assert int(np.argmax(search)) + 1 == outcome.epochs
    assert [epoch.number for epoch in epochs if epoch.stage == FINAL] == list(range(1, outcome.epochs + 1))


def test_without_anybody_to_validate_on_it_trains_as_long_as_is_allowed(learn: Learn) -> None:
    outcome = learn(validation=(), max_epochs=2).outcome
    assert (outcome.epochs, outcome.validation_ndcg) == (2, None)


def test_it_trains_where_nothing_is_known_of_movies(data: TrainingData, config: NcfConfig) -> None:
    from reco_assets.models.ncf import training

    bare = plan(data, Catalogue.without_features(np.unique(data.ratings.movie_id)), config.seed)
    learned = training.learn(bare.course, replace(config, max_epochs=1), None, lambda _: None)
    assert learned.parameters["first_features"].shape == (0, 2 * config.factors)


def test_steps_end_with_the_same_bits_however_many_are_taken_at_once(planned: Plan, config: NcfConfig) -> None:
    from reco_assets.models.ncf import network
    from reco_assets.models.ncf.batches import Draws

    lessons = planned.course.final
    take = network.stepper(lessons, config)
    batches = list(islice(Draws(lessons, 16, config.negatives, config.seed).epoch(0), 3))
    together, losses = take(network.start_state(lessons, config), batches, 0)
    apart = network.start_state(lessons, config)
    for number, batch in enumerate(batches):
        apart, loss = take(apart, [batch], number)
        assert loss.tolist() == [losses[number]]
    assert [leaf.tobytes() for leaf in network.leaves_of(apart)] == [
        leaf.tobytes() for leaf in network.leaves_of(together)
    ]


@pytest.mark.parametrize(("stage", "number"), [(SEARCH, 1), (SEARCH, 3), (FINAL, 1)])
def test_a_training_that_was_killed_goes_on_to_the_very_same_bits(
    learn: Learn, learned: Any, tmp_path: Path, stage: str, number: int
) -> None:
    def kill(epoch: Any) -> None:
        if (epoch.stage, epoch.number) == (stage, number):
            raise KilledError

    checkpoints = Checkpoints(tmp_path, "mine")
    with pytest.raises(KilledError):
        learn(checkpoints, told=kill)
    left: list[Any] = []
    assert bits(learn(checkpoints, told=left.append)) == bits(learned)
    assert (left[0].stage, left[0].number) != (SEARCH, 1)


def test_a_training_that_is_done_but_was_not_saved_is_there_at_once(learn: Learn, learned: Any, tmp_path: Path) -> None:
    learn(Checkpoints(tmp_path, "mine"))
    epochs: list[Any] = []
    assert bits(learn(Checkpoints(tmp_path, "mine"), told=epochs.append)) == bits(learned)
    assert not epochs


def test_numpy_answers_from_the_parts_of_a_network_as_jax_does_from_the_whole(learned: Any, planned: Plan) -> None:
    from reco_assets.models.ncf.network import scorer
    from reco_assets.models.ncf.vectors import taken_apart

    lessons = planned.course.final
    users, movies, tower = taken_apart(learned.parameters, lessons.features)
    every_movie = np.tile(np.arange(lessons.movies), (lessons.users, 1))
    whole = scorer(lessons)(learned.parameters, np.arange(lessons.users), every_movie)
    for user, scores in enumerate(whole):
        np.testing.assert_allclose(tower.scores(users.at(user), movies), scores, rtol=1e-4, atol=1e-4)
