"""What a trained model answers beyond the contract of all models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.models.ncf.config import NcfConfig
from reco_assets.models.ncf.data import Brought
from reco_assets.models.ncf.lessons import Catalogue
from reco_assets.models.ratings import Ratings
from reco_assets.models.training_data import TrainingData

pytestmark = pytest.mark.spark_environment

NOBODY_RATED = 400


@pytest.fixture(scope="module")
def model(data: TrainingData, catalogue: Catalogue, config: NcfConfig, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from dataclasses import replace

    from reco_assets.models.ncf.fitting import trained_model

    brought = Brought(lambda: catalogue, tmp_path_factory.mktemp("checkpoints"))
    return trained_model(replace(data, own=brought), config)


def test_a_movie_that_nobody_rated_can_be_listed_and_is_not_known(model: Any) -> None:
    user, movie = model.user_ids[:1], np.array([NOBODY_RATED], np.int32)
    assert NOBODY_RATED in model.recommend(user, len(model.movie_ids)).movie_id
    assert np.isfinite(model.score(user, movie)).all()
    assert not model.knows(user, movie).any()
    assert (model.similar_items(movie, 3).movie_id == -1).all()


def test_by_its_feature_such_a_movie_stands_higher_with_those_who_like_its_kind(model: Any) -> None:
    movie = np.full(len(model.user_ids), NOBODY_RATED, np.int32)
    share_above = [
        (model.recommend(np.array([user], np.int32), 41).movie_id[0].tolist().index(movie[0]))
        for user in model.user_ids
    ]
    place = np.array(share_above)
    assert place[1::2].mean() < place[::2].mean()


def test_a_folded_in_user_gets_movies_of_the_taste_that_a_few_ratings_show(model: Any) -> None:
    few = Ratings(np.full(5, 77, np.int32), np.arange(0, 50, 10, dtype=np.int32), np.full(5, 4.0, np.float32))
    (listed,) = model.fold_in(few).recommend(np.array([77], np.int32), 10, seen=few).movie_id
    assert (listed < 200).mean() > 0.8


def test_similar_movies_are_of_the_same_taste(model: Any) -> None:
    lists = model.similar_items(model.movie_ids[:40].astype(np.int32), 5).movie_id
    own = np.arange(40)[:, None] < 20
    assert ((lists < 200) == own).mean() > 0.8


def test_an_explanation_names_the_rated_movies_and_what_the_layers_add(model: Any) -> None:
    few = Ratings(np.full(2, 77, np.int32), np.array([0, 10], np.int32), np.full(2, 4.0, np.float32))
    parts = model.explain(77, 20, few).parts
    assert sorted(part.name for part in parts) == ["any user", "network", "rated", "rated"]
    assert {part.movie_id for part in parts} == {None, 0, 10}


def test_its_files_hold_numbers_alone_and_no_pickles(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".npz", ".npz", ".parquet", ".parquet"]
    for path in tmp_path.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype.kind == "f" for name in arrays.files)
