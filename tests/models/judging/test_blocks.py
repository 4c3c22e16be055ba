"""Versions judged by an engine's workers in blocks of users: judging them in memory is the oracle."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.inputs import read_ratings, read_test_ratings
from reco_assets.models.interface import Baselines, Trained
from reco_assets.models.judging.blocks import InBlocks
from reco_assets.models.judging.evaluation import Exam, Judgement, Protocol
from reco_assets.models.judging.judge import InMemory, Judge
from reco_assets.models.judging.slice_inputs import Counts, count_ratings, slicing_of
from reco_assets.models.record import Annotation
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import model_store
from reco_assets.tables import SILVER_MOVIES, TEST_RATINGS, TRAIN_RATINGS
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

FIRST, SECOND = "20250101_000001", "20250101_000002"
FACTS = {"version": FIRST, "split": "per_user", "train_count": 100, "seed": 1}
PROTOCOL = Protocol(5, 4.0, "drop", "per_user")


def write(lakehouse: Lakehouse, spec: TableSpec, pairs: np.ndarray) -> None:
    """Ratings of these pairs, each third of them streamed."""
    columns = {
        "user_id": pa.array(pairs[:, 0], pa.int32()),
        "movie_id": pa.array(pairs[:, 1], pa.int32()),
        "rating": pa.array(1 + (pairs[:, 0] * pairs[:, 1]) % 9 / 2, pa.float32()),
        "rating_ts": pa.array([datetime(2025, 1, 1, tzinfo=UTC)] * len(pairs), pa.timestamp("us", tz="UTC")),
        "origin": pa.array(["history" if at % 3 else "a batch" for at in range(len(pairs))], pa.string()),
    }
    lakehouse.write(spec, pa.table(columns))


def pairs_where(keep: Callable[[int, int], bool], users: int = 14, movies: int = 17) -> np.ndarray:
    return np.array([(u, m) for u in range(1, users) for m in range(1, movies) if keep(u, m)], np.int32).reshape(-1, 2)


@pytest.fixture
def tried(lakehouse: Lakehouse, tiny_model: AlsRecommender) -> Lakehouse:
    """Two versions of the model, the second the worse, and ratings also of a user and a movie that neither knows."""
    write(lakehouse, TRAIN_RATINGS, pairs_where(lambda user, movie: (user + movie) % 4 == 0))
    write(lakehouse, TEST_RATINGS, pairs_where(lambda user, movie: (user + movie) % 4 == 1))
    store = model_store(lakehouse.settings, ALS)
    store.save(FIRST, Trained(tiny_model), FACTS)
    store.save(SECOND, Trained(replace(tiny_model, ranking_items=-tiny_model.ranking_items)), FACTS)
    return lakehouse


def judged(lakehouse: Lakehouse, by: Judge, *versions: str) -> list[Judgement]:
    store = model_store(lakehouse.settings, ALS)
    return by.judge([by.open(store, version, as_trained=True) for version in versions])


def in_blocks(lakehouse: Lakehouse, **more: Any) -> InBlocks:
    versions = (lakehouse.version(spec.name) for spec in (TRAIN_RATINGS, TEST_RATINGS))
    return InBlocks(lakehouse, *versions, PROTOCOL, **more)


def in_memory(lakehouse: Lakehouse, model: AlsRecommender) -> InMemory:
    test, streamed = read_test_ratings(lakehouse, None)
    exam = Exam(test, read_ratings(lakehouse, TRAIN_RATINGS.name), PROTOCOL)
    return InMemory(exam, streamed, lambda _: Baselines(model.bias_only, model.popularity))


@pytest.mark.both_engines
def test_every_figure_and_every_user_is_scored_as_in_memory(tried: Lakehouse, tiny_model: AlsRecommender) -> None:
    found = judged(tried, in_blocks(tried), FIRST, SECOND)
    expected = judged(tried, in_memory(tried, tiny_model), FIRST, SECOND)
    for ours, theirs in zip(found, expected, strict=True):
        for section in ("evaluation", "ranking"):
            assert ours.sections[section] == pytest.approx(theirs.sections[section])
        for part in ("baselines", "by_origin"):
            assert ours.sections[part].keys() == theirs.sections[part].keys()
            for name, section in theirs.sections[part].items():
                assert ours.sections[part][name] == pytest.approx(section)
        for found_of, expected_of in ((ours.by_user, theirs.by_user), (ours.baselines, theirs.baselines)):
            for scores, of_all in zip(vars(found_of.sorted()).values(), vars(expected_of).values(), strict=True):
                np.testing.assert_allclose(scores, of_all, rtol=1e-6)


@pytest.mark.both_engines
def test_every_slice_is_as_in_memory(tried: Lakehouse, tiny_model: AlsRecommender) -> None:
    movies = {"movie_id": [1, 2, 3], "title": ["a", "b", "c"], "genres_string": ["", "", ""]}
    genres = pa.array([["Drama"], ["Drama", "Comedy"], []], pa.list_(pa.string()))
    rows = pa.table({**movies, "genres": genres, "release_year": pa.array([None] * 3, pa.int32())})
    tried.write(SILVER_MOVIES, rows.set_column(0, "movie_id", rows["movie_id"].cast(pa.int32())))
    counted = slicing_of(tried, count_ratings(tried, None))
    whole = replace(
        in_memory(tried, tiny_model), slicing=slicing_of(tried, Counts.of(read_ratings(tried, TRAIN_RATINGS.name)))
    )
    expected, found = (judged(tried, by, FIRST, SECOND)[0].tally for by in (whole, in_blocks(tried, slicing=counted)))
    assert expected
    assert found
    assert found.sums.keys() == expected.sums.keys()
    assert ("figures", "champion", "genre", "Comedy") in found.sums
    for key, sums in expected.sums.items():
        np.testing.assert_allclose(found.sums[key], sums, rtol=1e-5, atol=1e-5, err_msg=str(key))


@pytest.mark.both_engines
def test_a_version_whose_parts_are_replaced_is_judged_as_the_baselines(tried: Lakehouse) -> None:
    store, by = model_store(tried.settings, ALS), in_blocks(tried)
    store.annotate(SECOND, Annotation(replaced=("lists", "stars")))
    (found,) = by.judge([by.open(store, SECOND, as_trained=False)])
    np.testing.assert_allclose(found.by_user.ndcg, found.baselines.ndcg)
    np.testing.assert_allclose(found.by_user.squared_error, found.baselines.squared_error)
    (own,) = judged(tried, by, SECOND)
    assert own.sections["ranking"]["ndcg"] != found.sections["ranking"]["ndcg"]


def test_a_sample_of_users_is_compared_the_same_one_for_both_versions(tried: Lakehouse) -> None:
    everyone = judged(tried, in_blocks(tried), FIRST)[0]
    first, second = judged(tried, in_blocks(tried, compared_users=6), FIRST, SECOND)
    assert 0 < len(first.by_user.user_id) < len(everyone.by_user.user_id)
    np.testing.assert_array_equal(first.by_user.sorted().user_id, second.by_user.sorted().user_id)
    assert first.sections["ranking"] == pytest.approx(everyone.sections["ranking"])


def test_without_test_ratings_there_are_no_figures(tried: Lakehouse) -> None:
    write(tried, TEST_RATINGS, pairs_where(lambda *_: False))
    (found,) = judged(tried, in_blocks(tried), FIRST)
    assert (found.sections["evaluation"]["test_count"], found.sections["evaluation"]["rmse"]) == (0, None)
    assert (found.sections["by_origin"], len(found.by_user.user_id)) == ({}, 0)


def test_a_damaged_version_is_said_before_anything_is_judged(tried: Lakehouse) -> None:
    (model_store(tried.settings, ALS).path(FIRST) / "item_factors.parquet").write_bytes(b"PAR1")
    with pytest.raises(ModelStoreError, match=FIRST):
        judged(tried, in_blocks(tried), FIRST)
