"""The life of an experiment: it begins, is looked at, and ends, whatever is killed on the way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from reco_assets.experiments.look import Looked, look_and_decide, look_at
from reco_assets.gold.arms import Arm, arms_of, versions_of
from reco_assets.gold.lists import recommended_to_all
from reco_assets.models.als.family import ALS
from reco_assets.models.record import ComparisonRecord
from reco_assets.models.versions import deployment
from reco_assets.models.versions.deployment import Candidate, deploy
from reco_assets.models.versions.experiments import (
    EXPERIMENT_FILE,
    Experiment,
    begin,
    described,
    last_experiment,
    running_experiment,
)
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import CHAMPION_FILE, ModelStore, model_store
from reco_assets.monitoring.figures import Place
from reco_assets.monitoring.status import champion, lists
from reco_assets.runner.experiment import experiment_status, newest_passed
from reco_assets.tables import EXPOSURES, RECOMMENDATIONS_ALS, SPLITS, TRAIN_RATINGS
from resources.files import write_json
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse

FIRST, SECOND, THIRD = "20250101_000001", "20250101_000002", "20250101_000003"
USERS = np.arange(1, 301, dtype=np.int32)
STAMP = pa.timestamp("us", tz="UTC")
Save = Callable[..., None]


class Registry:
    """MLflow, which knows no version; who it was told to be the challenger."""

    challenger = ""

    def fetch_version(self, version: str, folder: Path) -> None:
        """Nothing is registered."""

    def mark_champion(self, version: str, previous: str | None = None, why: str = "") -> None:
        """Nobody asks."""

    def mark_challenger(self, version: str) -> None:
        self.challenger = version


REGISTRY = cast(MlflowTracking, Registry())


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse], save_version: Save) -> Lakehouse:
    """A champion, a version that passed the gate, and promotions that wait."""
    opened = make_lakehouse(promotion_waits="experiment", experiment_share=0.5, experiment_window_days=0)
    save_version(FIRST)
    deploy(opened.settings, Candidate(ALS, FIRST, REGISTRY))
    save_version(SECOND, FIRST)
    return opened


@pytest.fixture
def store(lakehouse: Lakehouse) -> ModelStore:
    return model_store(lakehouse.settings, ALS)


def deployed(lakehouse: Lakehouse, version: str) -> ComparisonRecord:
    return deploy(lakehouse.settings, Candidate(ALS, version, REGISTRY))


@pytest.fixture
def running(lakehouse: Lakehouse, store: ModelStore) -> Experiment:
    deployed(lakehouse, SECOND)
    found = running_experiment(store)
    assert found
    return found


def show(lakehouse: Lakehouse, running: Experiment) -> None:
    """Each user was shown a movie, whose id is the user's."""
    drawn = running.draws(USERS)
    rows = {
        "experiment": [running.id] * len(USERS),
        "user_id": USERS,
        "variant": np.where(drawn, "challenger", "champion"),
        "model_version": np.where(drawn, SECOND, FIRST),
        "movies": pa.array([[int(user)] for user in USERS], pa.list_(pa.int32())),
        "shown_ts": pa.array([running.started] * len(USERS), STAMP),
    }
    lakehouse.write(EXPOSURES, pa.table(rows))


def rate(lakehouse: Lakehouse, running: Experiment, stars: np.ndarray, **before: Any) -> None:
    """Each user rates the movie that was shown, a second later than the one before."""
    moments = [running.started + timedelta(seconds=int(user)) for user in USERS]
    users, rated = [*USERS, *before.get("users", ())], [*stars, *(5.0 for _ in before.get("users", ()))]
    moments += [running.started - timedelta(days=1) for _ in before.get("users", ())]
    rows = {
        "user_id": pa.array(users, pa.int32()),
        "movie_id": pa.array(users, pa.int32()),
        "rating": pa.array(rated, pa.float32()),
        "rating_ts": pa.array(moments, STAMP),
        "origin": ["history"] * len(users),
    }
    lakehouse.write(TRAIN_RATINGS, pa.table(rows))


def looked(lakehouse: Lakehouse, days: float = 1) -> Looked:
    return look_and_decide(lakehouse, REGISTRY, datetime.now(UTC) + timedelta(days=days))


def test_what_passes_the_gate_gets_an_experiment_and_the_next_one_waits(
    lakehouse: Lakehouse, store: ModelStore, save_version: Save
) -> None:
    begun = deployed(lakehouse, SECOND)
    assert (begun.promote, store.champion()) == (False, FIRST)
    assert begun.reason.startswith("in experiment: it passed the gate (as good)")
    assert store.record(SECOND).decision == begun.reason
    save_version(THIRD, FIRST)
    assert deployed(lakehouse, THIRD).reason.startswith("waits: it passed the gate")
    running = running_experiment(store)
    assert running
    assert running.challenger == cast(Any, REGISTRY).challenger == SECOND


def test_a_run_that_is_repeated_begins_no_second_experiment(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment
) -> None:
    assert "is under way" in deployed(lakehouse, SECOND).reason
    assert last_experiment(store) == running


def test_without_traffic_a_look_says_how_many_were_exposed(lakehouse: Lakehouse, running: Experiment) -> None:
    assert looked(lakehouse).reason.endswith("no list of it was published yet")
    show(lakehouse, running)
    assert looked(lakehouse).reason.endswith("no ratings after exposure yet: 300 users exposed")


def test_a_challenger_whose_lists_are_liked_more_is_promoted_with_the_numbers(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment
) -> None:
    show(lakehouse, running)
    rate(lakehouse, running, np.where(running.draws(USERS), 5.0, 2.0))
    found = looked(lakehouse)
    assert found.ended
    assert (store.champion(), store.previous()) == (SECOND, FIRST)
    drawn = int(running.draws(USERS).sum())
    assert f"{drawn} of {drawn} with the challenger's lists and 0 of {300 - drawn} with" in found.reason
    assert store.record(SECOND).decision == found.reason
    assert looked(lakehouse).reason.startswith("none runs; the last one was promoted")


def test_one_whose_lists_are_liked_less_is_dropped_and_stays_so(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment
) -> None:
    show(lakehouse, running)
    rate(lakehouse, running, np.where(running.draws(USERS), 2.0, 5.0))
    assert looked(lakehouse).reason.startswith("dropped by experiment")
    assert store.champion() == FIRST
    assert not deployed(lakehouse, SECOND).promote
    assert running_experiment(store) is None


def test_one_that_lost_its_experiment_is_not_promoted_by_a_run_that_is_repeated_once_promotions_wait_no_more(
    make_lakehouse: Callable[..., Lakehouse], lakehouse: Lakehouse, store: ModelStore, running: Experiment
) -> None:
    show(lakehouse, running)
    rate(lakehouse, running, np.where(running.draws(USERS), 2.0, 5.0))
    looked(lakehouse)
    assert deployed(make_lakehouse(), SECOND).reason.startswith("dropped by experiment")
    assert store.champion() == FIRST
    with pytest.raises(ModelStoreError, match="No version waits that was found no worse"):
        newest_passed(store)


def test_the_end_names_the_version_that_waited_and_how_it_gets_its_own(
    lakehouse: Lakehouse, running: Experiment, save_version: Save
) -> None:
    save_version(THIRD, FIRST)
    assert deployed(lakehouse, THIRD).reason.endswith(f"After that: reco experiment start {THIRD}")
    told = f"{THIRD} waits: reco experiment start {THIRD}"
    assert looked(lakehouse, 28.1).reason.endswith(told)
    assert experiment_status(lakehouse.settings)["text"].endswith(told)


def test_a_movie_that_was_rated_before_its_list_is_no_hit(lakehouse: Lakehouse, running: Experiment) -> None:
    show(lakehouse, running)
    rate(lakehouse, running, np.full(len(USERS), 5.0), users=USERS)
    found = looked(lakehouse).look
    assert found
    assert (len(found.found), found.found.hit.sum()) == (300, 0)


def test_after_its_days_without_a_verdict_the_champion_stays(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment
) -> None:
    show(lakehouse, running)
    assert looked(lakehouse, 27).ended is False
    assert looked(lakehouse, 28.1).reason.startswith("undecided after 28 days, so the champion stays")
    assert store.champion() == FIRST


def test_a_promotion_by_hand_makes_an_experiment_void(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment, save_version: Save
) -> None:
    save_version(THIRD, FIRST)
    store.promote(THIRD, "by hand")
    assert running_experiment(store) is None
    assert looked(lakehouse).reason == f"void: {THIRD} serves by now, and it compared with {FIRST}"


@pytest.mark.parametrize("other", [SECOND, THIRD])
def test_one_whose_champion_was_replaced_and_came_back_is_void_too(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment, save_version: Save, other: str
) -> None:
    """So what was rolled back is no one's list again."""
    save_version(THIRD, FIRST)
    store.promote(other, "by hand")
    store.rollback()
    record = store.folder / CHAMPION_FILE
    write_json(record, json.loads(record.read_text()) | {"promoted_ts": "2099-01-01T00:00:00Z"})  # not the same second
    assert running_experiment(store) is None
    assert looked(lakehouse).reason.startswith(f"void: {FIRST} serves again")


def test_ratings_of_the_future_end_no_windows(lakehouse: Lakehouse, running: Experiment) -> None:
    show(lakehouse, running)
    rate(lakehouse, running, np.full(len(USERS), 5.0))
    at = running.started + timedelta(seconds=10)
    assert len(look_at(lakehouse, running, at).found) == 10


def test_where_windows_are_longer_than_the_experiment_nothing_begins(
    make_lakehouse: Callable[..., Lakehouse], lakehouse: Lakehouse, store: ModelStore
) -> None:
    settings = make_lakehouse(experiment_share=0.5, experiment_days=7).settings
    with pytest.raises(ModelStoreError, match=r"nobody would be done within 7 days.*--days 28"):
        begin(store, SECOND, settings.experiments, datetime.now(UTC))


class Killed(BaseException):
    """The process ends here."""


def test_a_run_that_is_killed_after_the_promotion_leaves_the_end_to_the_next_look(
    lakehouse: Lakehouse, store: ModelStore, running: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: Any) -> None:
        raise Killed

    show(lakehouse, running)
    rate(lakehouse, running, np.where(running.draws(USERS), 5.0, 2.0))
    with monkeypatch.context() as at:
        at.setattr(deployment, "finish", kill)
        with pytest.raises(Killed):
            looked(lakehouse)
    assert store.champion() == SECOND
    assert looked(lakehouse).ended
    ended = last_experiment(store)
    assert ended
    assert (ended.outcome, ended.reason) == ("promoted", store.record(SECOND).decision)


def test_a_record_that_is_damaged_is_told_with_the_way_out(lakehouse: Lakehouse, store: ModelStore) -> None:
    (store.folder / EXPERIMENT_FILE).write_text('{"id": "x"}')
    with pytest.raises(ModelStoreError, match=r"is damaged.*Remove it"):
        looked(lakehouse)


def test_gold_has_the_lists_of_both_arms_each_of_the_users_it_drew(lakehouse: Lakehouse, running: Experiment) -> None:
    for spec in SPLITS:
        values = {"user_id": USERS[:12], "movie_id": USERS[:12], "rating": np.full(12, 4, np.float32)}
        stamp = pa.array([running.started] * 12, STAMP)
        lakehouse.write(spec, pa.table({**values, "rating_ts": stamp, "origin": ["history"] * 12}))
    made = recommended_to_all(lakehouse)
    lakehouse.write(RECOMMENDATIONS_ALS, made.rows)
    rows = lakehouse.dataset(RECOMMENDATIONS_ALS.name).to_table().sort_by("user_id")
    drawn = running.draws(rows["user_id"].to_numpy())
    assert rows["variant"].to_pylist() == np.where(drawn, "challenger", "champion").tolist()
    assert rows["model_version"].to_pylist() == np.where(drawn, SECOND, FIRST).tolist()
    assert 0 < drawn.sum() < 12
    assert (made.version, made.challenger) == (FIRST, SECOND)
    place = Place(lakehouse.settings, cast(dg.DagsterInstance, None), 0.0)
    assert lists(place).items() >= {"users": 12, "version": FIRST, "challenger": SECOND}.items()
    assert champion(place)["experiment"] == described(running)
    assert versions_of(lakehouse.dataset(RECOMMENDATIONS_ALS.name)) == [FIRST, SECOND]


@pytest.mark.both_engines
def test_a_frame_is_drawn_as_arrays_are(lakehouse: Lakehouse, store: ModelStore, running: Experiment) -> None:
    frame = lakehouse.engine.session.createDataFrame(pa.table({"user_id": USERS}))
    arms: list[Arm] = arms_of(store)
    for arm in arms:
        found = sorted(row.user_id for row in arm.of(frame).collect())
        assert found == USERS[arm.holds(USERS)].tolist()


def test_another_experiment_draws_others_and_as_many_as_asked(running: Experiment) -> None:
    many = np.arange(20_000, dtype=np.int32)
    other = Experiment(**{**vars(running), "id": "20300101_000000", "share": 0.2})
    assert abs(other.draws(many).mean() - 0.2) < 0.01
    assert abs(other.draws(many)[running.draws(many)].mean() - 0.2) < 0.015
