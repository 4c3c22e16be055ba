"""What is judged forward in time: which ratings each model may know, and what comes of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.baselines import Popularity, fit_baselines
from reco_assets.models.judging.backtest import (
    BacktestError,
    Fitted,
    Step,
    judge_step,
    moments,
    retraining_steps,
    together,
    windows_of,
)
from reco_assets.models.judging.backtest_run import backtest
from reco_assets.models.judging.evaluation import Protocol
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Dated, Settled
from reco_assets.tables import SPLIT_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

PROTOCOL = Protocol(10, 4.0, "drop", "windows")
DAY = 86_400_000_000  # microseconds


def timed(*rows: tuple[int, int, int]) -> Dated:
    """Ratings of 4 stars of (user, movie, day)."""
    users, movies, days = np.array(rows, np.int32).reshape(-1, 3).T
    return Dated(Ratings(users, movies, np.full(len(rows), 4.0, np.float32)), days.astype(np.int64) * DAY)


def days(step: Step) -> tuple[list[int], list[int]]:
    return tuple(sorted(int(moment) // DAY for moment in moments(part)) for part in (step.train, step.test))


def popularity(train: Dated) -> Fitted:
    return Fitted(Popularity.fit(train.ratings), fit_baselines(train.ratings), {})


def test_each_window_is_judged_by_all_that_was_before_it() -> None:
    found = [*windows_of(timed(*((1, day, day) for day in (4, 1, 3, 6, 2, 5))), 2)]
    assert [days(step) for step in found] == [([1, 2], [3, 4]), ([1, 2, 3, 4], [5, 6])]
    assert [step.name for step in found] == ["1970-01-03", "1970-01-05"]


def test_ratings_of_one_time_are_on_one_side_of_a_window() -> None:
    [step] = windows_of(timed(*((1, movie, day) for movie, day in enumerate((1, 2, 2, 2, 2, 3)))), 1)
    assert days(step) == ([1, 2, 2, 2, 2], [3])


@pytest.mark.parametrize(("seconds", "told"), [([], "no ratings"), ([7, 7, 7], "1 windows of equally many")])
def test_ratings_without_times_cant_be_judged_forward(seconds: Sequence[int], told: str) -> None:
    with pytest.raises(BacktestError, match=told):
        next(windows_of(timed(*((1, movie, day) for movie, day in enumerate(seconds))), 1))


def test_retraining_is_judged_on_the_newer_half_of_what_streamed_in() -> None:
    known, streamed = timed((1, 1, 1), (1, 2, 9)), timed((2, 1, 4), (2, 2, 3), (2, 3, 6), (2, 4, 5))
    without, with_older = retraining_steps(known, streamed)
    assert days(without) == ([1, 9], [5, 6])
    assert days(with_older) == ([1, 3, 4, 9], [5, 6])


def test_ratings_without_any_times_are_told() -> None:
    with pytest.raises(BacktestError, match="have no times"):
        next(windows_of(Dated(timed((1, 1, 1)).ratings), 1))


@pytest.mark.parametrize(("streamed", "told"), [((), "Nothing that streamed in"), (((1, 1, 1), (1, 2, 1)), "one time")])
def test_a_stream_without_a_newer_half_is_told(streamed: Sequence[tuple[int, int, int]], told: str) -> None:
    with pytest.raises(BacktestError, match=told):
        next(retraining_steps(timed((1, 1, 1)), timed(*streamed)))


def test_a_pair_that_was_trained_on_is_no_test() -> None:
    step = Step("a", timed((1, 1, 1), (2, 2, 1)), timed((1, 1, 2), (1, 2, 2)))
    found = judge_step(step, popularity, PROTOCOL)
    assert (found["train_count"], found["rated_again"], found["evaluation"]["test_count"]) == (2, 1, 1)
    assert found["ranking"]["ndcg"] == found["baselines"]["popularity"]["ndcg"] == 1
    assert found["tested_until"] == "1970-01-03T00:00:00+00:00"


def test_windows_count_by_what_they_hold() -> None:
    first = Step("a", timed((1, 1, 1), (2, 2, 1)), timed((1, 2, 2)))
    second = Step("b", timed((1, 1, 1), (2, 2, 1)), timed((2, 1, 2), (3, 9, 2)))
    found = [judge_step(step, popularity, PROTOCOL) for step in (first, second)]
    every = together(found, PROTOCOL)
    assert (every["evaluation"]["test_count"], every["ranking"]["users"]) == (3, 3)
    assert every["ranking"]["ndcg"] == pytest.approx(2 / 3)


def table(rows: Sequence[tuple[int, int, int]], **same: str) -> pa.Table:
    """Ratings of 4 stars, with columns that say the same of each."""
    of = timed(*rows)
    columns = {name: pa.array(getattr(of.ratings, name)) for name in Ratings.__annotations__}
    columns["rating_ts"] = pa.array(moments(of)).cast(pa.timestamp("us", tz="UTC"))
    return pa.table(columns | {name: pa.array([word] * len(rows)) for name, word in same.items()})


def test_a_backtest_leaves_its_figures_and_a_plot_and_no_version(make_lakehouse: Callable[..., Lakehouse]) -> None:
    lakehouse = make_lakehouse(als_rank=2, als_max_iter=1, ranking_rank=2, ranking_max_iter=1)
    rows = [(user, movie, 10 * user + movie) for user in range(1, 9) for movie in range(1, 9)]
    lakehouse.write(SPLIT_RATINGS, table(rows[:1], origin="history", side="train", policy="random:test=0.5"))
    for spec, part in ((TRAIN_RATINGS, rows[::2]), (TEST_RATINGS, rows[1::2])):
        lakehouse.write(spec, table(part, origin="history"))
    told: list[str] = []
    settling = replace(ALS, settle=lambda _, config, __: Settled(replace(config, shrinkage=0.5), {}))
    found = backtest(lakehouse, settling, 3, lambda step: told.append(step["name"]))
    assert [step["name"] for step in found.document["steps"]] == told
    assert len(told) == 3
    assert {step["hyperparameters"]["shrinkage"] for step in found.document["steps"]} == {0.5}  # as trainings do
    assert json.loads(found.json.read_text()) == found.document
    assert found.plot.read_bytes().startswith(b"\x89PNG")
    assert not Path(lakehouse.root / "gold" / "models").exists()
    with pytest.raises(BacktestError, match="Leave out --streamed"):
        backtest(lakehouse, ALS, None, lambda _: None)
