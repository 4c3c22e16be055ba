"""Tuning picks what does best on held-out training ratings, and goes on where it was stopped."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import RDBStorage

from reco_assets.models.als import solver as als
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS, search_parts
from reco_assets.models.als.solver import AlsConfig, ExplicitAls, ImplicitAls
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Dated, Goal, held_out_slice
from reco_assets.models.tuning.held_out import TuningError
from reco_assets.models.tuning.search import Search, Tried, tune

START = ModelConfig(ExplicitAls(8, 3, 0.1, 1), ImplicitAls(8, 3, 0.1, 1, 0.75), 3.5)
GOAL = Goal(k=5, threshold=4.0, seed=42, engine="embedded")


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def empty_studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file without a study: making its tables takes 2 s."""
    file = tmp_path_factory.mktemp("studies") / "studies.db"
    RDBStorage(f"sqlite:///{file}")
    return file


@pytest.fixture
def study_file(empty_studies: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A study file of its own by any name."""
    return lambda name: Path(shutil.copy(empty_studies, tmp_path / name))


@pytest.fixture
def study(study_file: Callable[[str], Path]) -> Path:
    """A study file of its own."""
    return study_file("studies.db")


def random_ratings(seed: int = 0, users: int = 40, movies: int = 30) -> Ratings:
    rng = np.random.default_rng(seed)
    user, movie = np.nonzero(rng.random((users, movies)) < 0.5)
    stars = np.where((user + movie) % 2, 4.5, 2.0) + rng.choice([-0.5, 0.0, 0.5], len(user))
    return Ratings(user.astype(np.int32), movie.astype(np.int32), stars.astype(np.float32))


def search(train: Ratings | None = None) -> Search:
    return Search(ALS, Dated(random_ratings() if train is None else train), START, GOAL, search_parts(als.factorize))


def tried_by(study: Path, trials: int, what: Search | None = None, stop_after: int | None = None) -> list[Tried]:
    seen: list[Tried] = []

    def report(tried: Tried) -> None:
        seen.append(tried)
        if len(seen) == stop_after:
            raise KilledError

    try:
        tune(what or search(), study, trials, report)
    except KilledError:
        assert stop_after is not None
    return seen


def of_part(seen: list[Tried], part: str) -> list[Tried]:
    return [tried for tried in seen if tried.part == part]


def test_the_settings_to_start_from_are_tried_first_so_the_best_are_never_worse(
    study: Path, study_file: Callable[[str], Path]
) -> None:
    found = tune(search(), study, 4, lambda _: None)
    seen = tried_by(study_file("again.db"), 4)
    assert of_part(seen, "rating")[0].params == {"rank": 8, "reg_param": 0.1}
    assert of_part(seen, "ranking")[0].params == {"rank": 8, "reg_param": 0.1, "alpha": 0.75}
    assert found.record["rating"]["best"] <= found.record["rating"]["start"]
    assert found.record["ranking"]["best"] >= found.record["ranking"]["start"]


def test_the_best_settings_of_each_part_are_those_found_and_the_rest_stays(study: Path) -> None:
    found = tune(search(), study, 4, lambda _: None)
    rating, ranking = (found.record[part]["params"] for part in ("rating", "ranking"))
    assert found.config == replace(
        START, rating=replace(START.rating, **rating), ranking=replace(START.ranking, **ranking)
    )


def test_the_best_value_is_the_least_error_and_the_greatest_ndcg_of_all_trials(study: Path) -> None:
    seen = tried_by(study, 4)
    assert of_part(seen, "rating")[-1].best == min(tried.value for tried in of_part(seen, "rating"))
    assert of_part(seen, "ranking")[-1].best == max(tried.value for tried in of_part(seen, "ranking"))


def test_a_run_that_was_stopped_goes_on_and_tries_what_it_would_have_tried(
    study: Path, study_file: Callable[[str], Path]
) -> None:
    whole = tried_by(study_file("whole.db"), 7)
    before = tried_by(study, 7, stop_after=9)
    after = tried_by(study, 7)
    assert before + after == whole


def test_a_trial_that_was_under_way_when_the_process_was_killed_is_tried_again(
    study: Path, study_file: Callable[[str], Path]
) -> None:
    whole = tried_by(study_file("whole.db"), 3)
    fits = 0

    def dies(matrix: object, config: AlsConfig) -> tuple[np.ndarray, np.ndarray]:
        nonlocal fits
        fits += 1
        if fits == 2:
            raise KilledError
        return als.factorize(matrix, config)

    with pytest.raises(KilledError):
        tune(replace(search(), parts=search_parts(dies)), study, 3, lambda _: None)
    assert tried_by(study, 3) == whole[1:]


def test_more_trials_go_on_from_those_that_are_there_and_fewer_try_nothing(study: Path) -> None:
    first = tried_by(study, 2)
    assert [tried.done for tried in tried_by(study, 3)] == [3, 3]
    assert tried_by(study, 2) == []
    assert len(first) == 4


@pytest.mark.parametrize(
    "other",
    [
        lambda: search(random_ratings(seed=1)),
        lambda: replace(search(), goal=replace(GOAL, k=6)),
        lambda: replace(search(), start=replace(START, like_threshold=4.0)),
    ],
    ids=["other ratings", "another goal", "other settings to start from"],
)
def test_trials_count_for_the_same_search_alone(study: Path, other: Callable[[], Search]) -> None:
    tried_by(study, 2)
    assert len(tried_by(study, 2, other())) == 4


def test_settings_outside_the_usual_limits_can_be_started_from(study: Path) -> None:
    start = replace(START, rating=replace(START.rating, rank=2, reg_param=3.0))
    seen = tried_by(study, 1, replace(search(), start=start))
    assert seen[0].params == {"rank": 2, "reg_param": 3.0}


def test_a_kind_of_model_without_anything_to_search_says_so(study: Path) -> None:
    with pytest.raises(TuningError, match=r"no settings to try.*reco train"):
        tune(replace(search(), parts=()), study, 1, lambda _: None)


def test_ratings_of_which_none_can_be_judged_are_refused(study: Path) -> None:
    one = Ratings(np.array([1], np.int32), np.array([1], np.int32), np.array([4.0], np.float32))
    with pytest.raises(TuningError, match="Of 1 training ratings none can be held out"):
        tune(search(one), study, 1, lambda _: None)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), data=st.integers(0, 10))
def test_every_rating_is_on_one_side_and_all_ratings_of_a_pair_are_on_the_same(seed: int, data: int) -> None:
    once = random_ratings(data)
    twice = Ratings.concat([once, once])
    parts = held_out_slice(Dated(twice), replace(GOAL, seed=seed))
    fitted, held = (
        set(zip(part.user_id.tolist(), part.movie_id.tolist(), strict=True)) for part in (parts.fitted, parts.held_out)
    )
    assert not fitted & held
    assert len(parts.fitted) + len(parts.held_out) == len(twice)
    assert 0.1 < len(parts.held_out) / len(twice) < 0.3
