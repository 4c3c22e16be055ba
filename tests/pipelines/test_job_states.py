"""Every job in every state of a lakehouse: it succeeds, skips with its reason, or fails for a reason that is one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.selections import EVALUATION, TRAINING
from reco_assets.runner.run import QUIET
from reco_assets.tables import DECLARED
from resources.engine import Engine
from resources.io_managers import LakehouseIOManager, VersionIOManager
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

pytestmark = pytest.mark.slow

NEWS = "DATE,CUST_ID,MOVIE_ID,RATING\n2026-01-02,1,1,4.0\n2026-01-03,2,3,2.5\n"
STATES = ("fresh", "after etl", "after train", "after stream")
JOBS = tuple(spec.name for spec in SPECS)
# What a job needs that a state does not have; all others succeed.
TRUE_REASONS = {
    ("drift_retrain", "fresh"): "There is no drift report at",
    ("drift_retrain", "after etl"): "There is no drift report at",
    ("drift_retrain", "after train"): "There is no drift report at",
    ("model_retraining_dag", "fresh"): "Table silver/split_ratings does not exist",
    ("movie_recommender_pipeline", "fresh"): "There are no ratings to compute features from",  # none are simulated here
}
# Few trials, and a day that is for no training of the neural model, whatever day it is.
SMALLER = {
    "model_training_dag": {"ops": {"models__als_candidate": {"config": {"tune": 1}}}},
    "movie_recommender_pipeline": {"ops": {"models__ncf_candidate": {"config": {"day": "2025-01-06"}}}},
}
ALS = " or ".join(f'key:"{key}"' for key in (*TRAINING, *EVALUATION))
NOTHING_WAITS = {("drift_detection_retrain_pipeline", state) for state in STATES if state not in ("after stream")}


class Ended(NamedTuple):
    success: bool
    made: set[str]
    reasons: str


Run = Callable[[str, str], Ended]


@pytest.fixture(scope="module")
def execute(
    tiny_settings: Callable[..., Settings], monkeypatch_module: pytest.MonkeyPatch
) -> Iterator[Callable[..., dg.ExecuteInProcessResult]]:
    """Run a job, or assets without one, on the lakehouse at a path; all share one engine session. A step that fails is
    not tried again, which would be after five minutes.
    """
    engine = Engine(load_settings())
    monkeypatch_module.setattr("reco_assets.pipelines.jobs._retries", lambda _limits: None)

    def run(root: Path, job: str | None, assets: str = "") -> dg.ExecuteInProcessResult:
        lakehouse = Lakehouse(tiny_settings(root, mlflow_tracking_uri=f"sqlite:///{root.parent}/mlflow.db"), engine)
        resources = {
            "lakehouse": lakehouse,
            "io_manager": LakehouseIOManager(lakehouse, DECLARED),
            "version_io": VersionIOManager(lakehouse),
            "mlflow": MlflowTracking(lakehouse.settings, lakehouse.settings.mlflow.registry_name),
        }
        definitions = build_definitions(lakehouse.settings, resources)
        definition = definitions.resolve_job_def(job) if job else definitions.resolve_implicit_global_asset_job_def()
        keys = (
            list(dg.AssetSelection.from_string(assets).resolve(definitions.resolve_asset_graph())) if assets else None
        )
        return definition.execute_in_process(
            run_config={**(definition.run_config or {}), **SMALLER.get(job or "", {}), **QUIET},
            asset_selection=keys,
            instance=instance,
            raise_on_error=False,
        )

    with dg.DagsterInstance.ephemeral() as instance:
        yield run
    engine.stop()


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def states(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch_module: pytest.MonkeyPatch,
    execute: Callable[..., dg.ExecuteInProcessResult],
) -> dict[str, Path]:
    """A lakehouse in each state; each is the one before with something more done."""
    folder = tmp_path_factory.mktemp("states")
    monkeypatch_module.chdir(folder)  # one MLflow store for all: it puts its artifacts where the process works
    fresh = folder / STATES[0]
    fresh.mkdir()
    found = {STATES[0]: fresh}

    def next_state(state: str, *, of: str, assets: str = "", news: bool = False) -> None:
        found[state] = folder / state
        shutil.copytree(found[of], found[state])
        if news:
            (found[state] / "streaming").mkdir(exist_ok=True)
            (found[state] / "streaming" / "news.csv").write_text(NEWS)
        if assets:
            assert execute(found[state], None, assets).success

    next_state(
        "after etl", of="fresh", assets='key:"silver/future_csv" or (group:bronze or group:silver or group:splits)'
    )
    next_state("after train", of="after etl", assets=f"{ALS} or group:gold")
    next_state(
        "after stream", of="after train", assets="group:drift or key:stream/ratings or key:stream/quarantine", news=True
    )
    return found


@pytest.fixture(scope="module")
def run(states: dict[str, Path], execute: Callable[..., dg.ExecuteInProcessResult]) -> Run:
    def on_a_copy(job: str, state: str) -> Ended:
        root = states[state].with_name(f"{job} {state}")
        shutil.copytree(states[state], root)
        result = execute(root, job)
        shutil.rmtree(root)
        made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
        return Ended(result.success, made, "\n".join(causes(result)))

    return on_a_copy


def causes(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            yield error.message if error else ""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("job", JOBS)
def test_a_job_succeeds_skips_or_fails_for_a_true_reason(run: Run, job: str, state: str) -> None:
    ended = run(job, state)
    if reason := TRUE_REASONS.get((job, state)):
        assert not ended.success
        assert reason in ended.reasons
    else:
        assert ended.success, ended.reasons
        assert bool(ended.made) is ((job, state) not in NOTHING_WAITS)
