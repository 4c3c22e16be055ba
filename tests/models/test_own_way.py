"""A family with data, days and a judgement of its own: trained on Sundays, deployed by limits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from reco_assets.models.als.family import ALS, configure, fit_ranking
from reco_assets.models.assets import NO_VERSION, model_assets
from reco_assets.models.interface import Family, HeldOut, OwnWay
from reco_assets.models.judging.sampled import Interactions, Split, leave_latest_out
from reco_assets.models.limits import Limits
from reco_assets.models.own_reproduction import reproduce_own
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Inputs
from reco_assets.models.reproduction import ReproductionError
from reco_assets.models.training import why_not_trained
from reco_assets.models.training_data import TrainingData
from reco_assets.models.versions.store import model_store
from resources.engine import Engine
from resources.io_managers import VersionIOManager
from resources.mlflow.mirror import MlflowTracking
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse

SUNDAY, MONDAY = "2025-01-05", "2025-01-06"
STORE: Inputs = {"features/store": "20250105_010000"}
LIMITS = Limits(auc=0.75, ndcg=0.5, hit_rate=0.4, popularity_factor=1.1)
SMALL = {"als_rank": 4, "als_max_iter": 2, "ranking_rank": 16, "ranking_max_iter": 5}


def tastes() -> Split:
    """60 users of ten tastes, each of whom rated 20 of the 30 movies of a taste."""
    rng = np.random.default_rng(0)
    rows = [(user, 30 * (user % 10) + movie) for user in range(60) for movie in rng.permutation(30)[:20]]
    user, movie = np.array(rows, np.int32).T
    stars = np.full(len(rows), 5.0, np.float32)
    return leave_latest_out(Interactions(Ratings(user, movie, stars), rng.permutation(len(rows)).astype(np.int64)))


def weekly(lacks: str | None = None, limits: Limits = LIMITS) -> Family:
    """ALS as the settings say, on other data and on Sundays."""
    split = tastes()
    small = configure(load_settings(**SMALL))
    known, held_out = split.known.ratings, split.held_out
    own = OwnWay(
        made_from=("features/store",),
        fit=lambda data, config, engine: ALS.fit(data.ratings, config, engine),
        read=lambda _, __: TrainingData(known, STORE, "leave_latest_out", moment=split.known.moment),
        held_out=lambda _, __: HeldOut(known, held_out, STORE, lambda rows: {"implicit_als": fit_ranking(rows, small)}),
        limits=lambda _: limits,
        rests=lambda day: None if day.isoweekday() == 7 else f"{day} is no Sunday",
        lacks=lambda: lacks,
    )
    return replace(
        ALS,
        name="weekly",
        metrics_file="run_metrics_weekly_{version}.json",
        registered_name=lambda _: "reco_weekly",
        own=own,
        settle=None,
    )


@dataclass(frozen=True)
class Made:
    """What one run made: each asset's metadata by its name, and the version that was handed on."""

    metadata: Mapping[str, Mapping[str, Any]]
    version: str


def run(lakehouse: Lakehouse, family: Family, **config: Any) -> Made:
    result = dg.materialize(
        model_assets(family),
        resources={
            "lakehouse": lakehouse,
            "mlflow": MlflowTracking(lakehouse.settings),
            "version_io": VersionIOManager(lakehouse),
            "io_manager": dg.InMemoryIOManager(),
        },
        run_config={"ops": {f"models__{family.name}_candidate": {"config": config}}},
    )
    events = result.get_asset_materialization_events()
    metadata = {
        event.asset_key.path[-1].removeprefix("weekly_"): {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in events
    }
    return Made(metadata, str(result.output_for_node("models__weekly_candidate")))


@dataclass(frozen=True)
class Week:
    """One lakehouse through some days."""

    lakehouse: Lakehouse
    before: Made
    sunday: Made
    monday: Made
    promoted: str


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Week:
    lakehouse = Lakehouse(load_settings(lakehouse_path=tmp_path_factory.mktemp("own") / "lake", **SMALL), engine)
    family = weekly()
    before, sunday = run(lakehouse, family, day=MONDAY), run(lakehouse, family, day=SUNDAY)
    promoted = (model_store(lakehouse.settings, family).folder / "champion.json").read_text()
    return Week(lakehouse, before, sunday, run(lakehouse, family, day=MONDAY), promoted)


@pytest.fixture
def empty(tmp_path: Path, engine: Engine) -> Lakehouse:
    return Lakehouse(load_settings(lakehouse_path=tmp_path / "lake", **SMALL), engine)


def test_candidate_and_evaluation_are_made_from_the_familys_own_assets() -> None:
    candidate, evaluation, _ = model_assets(weekly())
    assert candidate.dependency_keys == {dg.AssetKey(["features", "store"])}
    assert evaluation.dependency_keys == {dg.AssetKey(["features", "store"]), candidate.key}


def test_where_nothing_was_trained_and_nothing_is_deployed_each_asset_says_so(week: Week) -> None:
    assert week.before.version == NO_VERSION
    assert week.before.metadata["candidate"] == {
        "version": NO_VERSION,
        "trained": False,
        "reason": "2025-01-06 is no Sunday",
    }
    decision = week.before.metadata["evaluation"]["deploy_decision"]
    assert decision["next_task"] == "skip_deploy"
    assert "nothing was trained and nothing is deployed" in decision["reason"]
    assert week.before.metadata["champion"]["promoted"] is False


def test_on_sunday_a_version_is_trained_judged_and_deployed(week: Week) -> None:
    evaluation, champion = week.sunday.metadata["evaluation"], week.sunday.metadata["champion"]
    assert evaluation["deploy_decision"]["next_task"] == "deploy_model"
    assert evaluation["deploy_decision"]["metrics"]["ndcg_at_10"] == evaluation["NDCG@10"]
    assert (champion["champion"], champion["promoted"]) == (week.sunday.version, True)
    record = model_store(week.lakehouse.settings, weekly()).record(week.sunday.version)
    assert record.inputs == STORE
    assert record.train_count == len(tastes().known)


def test_on_other_days_what_is_deployed_is_judged_and_never_promoted_again(week: Week) -> None:
    candidate, evaluation = week.monday.metadata["candidate"], week.monday.metadata["evaluation"]
    assert week.monday.version == week.sunday.version
    assert (candidate["trained"], candidate["reason"]) == (False, "2025-01-06 is no Sunday")
    assert evaluation["AUC"] == week.sunday.metadata["evaluation"]["AUC"]
    assert evaluation["deploy_decision"]["next_task"] == "skip_deploy"
    assert f"{week.sunday.version} is deployed already" in evaluation["deploy_decision"]["reason"]
    assert week.monday.metadata["champion"]["promoted"] is False
    assert "is deployed already" in week.monday.metadata["champion"]["reason"]
    store = model_store(week.lakehouse.settings, weekly())
    assert (store.folder / "champion.json").read_text() == week.promoted
    assert store.versions() == [week.sunday.version]
    assert store.record(week.sunday.version).decision.startswith("promoted: AUC")  # what it was deployed by stays
    assert week.monday.metadata["evaluation"]["path"].endswith(f"{week.sunday.version}_today.json")


def test_the_report_shows_every_model_beside_each_other_under_its_protocol(week: Week) -> None:
    evaluation = week.sunday.metadata["evaluation"]
    assert evaluation["protocol"] in evaluation["report"]
    assert evaluation["protocol"].startswith("leave-latest-one-out of ratings >= 4, ranked among 99 sampled negatives")
    for name in ("| candidate |", "| popularity |", "| implicit als |"):
        assert name in evaluation["report"]
    assert evaluation["plot"].startswith("![among 99 sampled negatives](data:image/png;base64,")
    candidate, same_model = (f"| {name} | {evaluation['AUC']:.4f} |" for name in ("candidate", "implicit als"))
    assert candidate in evaluation["report"]
    assert same_model in evaluation["report"]


def test_mlflow_holds_the_deployed_version_with_its_figures_and_alias(week: Week) -> None:
    from mlflow import MlflowClient

    uri = MlflowTracking(week.lakehouse.settings).uri
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    champion = client.get_model_version_by_alias("reco_weekly", "champion")
    assert champion.tags["version"] == week.sunday.version
    assert len(client.search_model_versions("name='reco_weekly'")) == 1  # Monday's judgement is a run, no new version
    logged = client.get_run(champion.run_id).data
    assert "sampled_ndcg" in logged.metrics
    assert logged.params["sampled_protocol"] == week.sunday.metadata["evaluation"]["protocol"]


def test_a_run_that_is_forced_trains_on_any_day_and_the_next_version_serves(week: Week) -> None:
    made = run(week.lakehouse, weekly(), day=MONDAY, force=True)
    assert made.version > week.sunday.version
    assert made.metadata["champion"]["champion"] == made.version
    assert model_store(week.lakehouse.settings, weekly()).previous() == week.sunday.version


def test_a_version_is_trained_again_to_the_same_figures(week: Week) -> None:
    family = weekly()
    record = model_store(week.lakehouse.settings, family).record(week.sunday.version)
    assert family.own is not None
    figures = reproduce_own(week.lakehouse, family, family.own, record)
    assert [figure.name for figure in figures][:2] == ["AUC, sampled", "NDCG@10, sampled"]
    assert all(figure.same for figure in figures)
    other = Lakehouse(week.lakehouse.settings.changed(reco_seed=7), week.lakehouse.engine)
    with pytest.raises(ReproductionError, match="RECO_SEED is 7 here"):
        reproduce_own(other, family, family.own, record)


def test_a_version_is_not_judged_on_other_ratings_than_were_held_out_from_it(week: Week) -> None:
    family = weekly()
    assert family.own is not None

    def other(lakehouse: Lakehouse, inputs: Inputs | None) -> HeldOut:
        held = weekly().own.held_out(lakehouse, inputs)
        return replace(held, known=held.known.where(held.known.movie_id != 0))

    made_anew = replace(family, own=replace(family.own, held_out=other))
    with pytest.raises(Exception, match="they were made anew, and it may have learned what is held out"):
        run(week.lakehouse, made_anew, day=SUNDAY)


def test_as_many_ratings_of_another_making_are_not_those_it_was_trained_on(week: Week) -> None:
    family = weekly()
    assert family.own is not None
    remade: Inputs = {**STORE, "features/store identity": "other"}

    def other(lakehouse: Lakehouse, inputs: Inputs | None) -> HeldOut:
        return replace(weekly().own.held_out(lakehouse, inputs), inputs=remade)

    def read(lakehouse: Lakehouse, inputs: Inputs | None) -> TrainingData:
        return replace(weekly().own.read(lakehouse, inputs), inputs={**STORE, "features/store identity": "one"})

    made_anew = replace(family, own=replace(family.own, read=read, held_out=other))
    with pytest.raises(Exception, match="they were made anew, and it may have learned what is held out"):
        run(week.lakehouse, made_anew, day=SUNDAY)


def test_a_version_below_the_limits_is_kept_and_not_deployed(tmp_path: Path, engine: Engine) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake", **SMALL)
    made = run(Lakehouse(settings, engine), weekly(limits=replace(LIMITS, ndcg=0.99)), day=SUNDAY)
    decision = made.metadata["evaluation"]["deploy_decision"]
    assert decision["next_task"] == "skip_deploy"
    assert "is below 0.9900" in decision["reason"]
    assert made.metadata["champion"] | {"reason": ""} == {
        "candidate": made.version,
        "champion": "none",
        "promoted": False,
        "waits": False,
        "reason": "",
    }
    store = model_store(settings, weekly())
    assert (store.versions(), store.champion()) == ([made.version], None)


def test_what_this_environment_lacks_is_said_and_nothing_is_trained(empty: Lakehouse) -> None:
    made = run(empty, weekly(lacks="JAX is not installed: make neural"), day=SUNDAY)
    assert made.metadata["candidate"]["reason"] == "JAX is not installed: make neural"
    assert model_store(empty.settings, weekly()).versions() == []


def test_a_day_that_is_none_is_said_in_one_line(empty: Lakehouse) -> None:
    with pytest.raises(Exception, match="day='Sunday' is no day: give it as 2025-01-05"):
        run(empty, weekly(), day="Sunday")


def test_every_day_is_a_training_day_for_a_family_without_a_way_of_its_own() -> None:
    assert all(why_not_trained(ALS, date(2025, 1, day), force=False) is None for day in range(1, 8))
