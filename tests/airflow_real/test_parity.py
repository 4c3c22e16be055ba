"""What Airflow runs and what Dagster runs come to the same: real runner, real spark-submit, Delta, one small input.

The engines are those of an installation where nothing is set: embedded in the runner, Spark under spark-submit.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from deltalake import DeltaTable

from reco_assets.build import build_definitions
from reco_assets.drift.reports import read_report
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import Settings, load_settings

pytestmark = pytest.mark.slow
REPO = Path(__file__).resolve().parents[2]
SOURCE = {
    "RECO_SOURCE": "synthetic",
    "SYNTHETIC_USERS": "200",
    "SYNTHETIC_MOVIES": "300",
    "SYNTHETIC_RATINGS": "12000",
}
SHIFTED = Simulation("history", users=120, rows=None, tilt=-1.0, seed=1)
SILVER = ("silver/train_ratings", "silver/test_ratings")
GOLD = {"gold/recommendations_als": "user_id", "gold/similar_movies": "movie_id"}
MAIN_TABLES = (
    "bronze/ratings",
    "bronze/movies",
    "bronze/tags",
    "silver/ratings",
    "silver/movies",
    "silver/tags",
    "silver/quarantine_ratings",
    "silver/split_ratings",
    "silver/future_ratings",
    *SILVER,
)
DRIFT_TABLES = ("stream/ratings", "stream/quarantine", *SILVER)
MAIN_ASSET_TASKS = ("run_etl_bronze_to_silver", "run_train_als_generate_recos")
DRIFT_ASSET_TASKS = (
    "process_streaming_data",
    "detect_drift",
    "merge_streaming_data",
    "train_recommender",
    "test_recommender",
)
SECTIONS = ("data_drift", "model_drift")
WHEN_AND_AS_WHAT = {"_loaded_ts", "generated_ts", "model_version"}  # a run's own, so never the same in two runs


@contextmanager
def dagster_storage(home: str) -> Iterator[dg.DagsterInstance]:
    """The runs recorded in a home; the storage that our dagster.yaml names lies where DAGSTER_HOME says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", home)
        with dg.DagsterInstance.get() as instance:
            yield instance


@dataclass(frozen=True)
class Side:
    """One of the two: a folder of its own, and the environment that names its lakehouse and its Dagster storage."""

    folder: Path
    variables: dict[str, str]

    @property
    def lake(self) -> Path:
        return Path(self.variables["LAKEHOUSE_PATH"])

    @property
    def settings(self) -> Settings:
        return load_settings(lakehouse_path=self.lake)

    def execute(self, job: str, engine: str) -> None:
        """Run a Dagster job."""
        command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "reco_assets.definitions", "-j", job]
        variables = self.variables | {"RECO_ENGINE": engine}
        done = subprocess.run(command, env=variables, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-5000:]

    def rows(self, table: str) -> list[Any]:
        """The rows in an order of their own, so that neither files nor partitions matter."""
        found = DeltaTable(str(self.lake / table)).to_pyarrow_dataset().to_table()
        return sorted(found.select(sorted(set(found.column_names) - WHEN_AND_AS_WHAT)).to_pylist(), key=repr)

    def hashes(self, table: str) -> list[str]:
        """One hash per row."""
        return [hashlib.sha256(repr(row).encode()).hexdigest() for row in self.rows(table)]

    def lists(self, table: str) -> dict[int, Any]:
        """The rows of a gold table by their key."""
        return {row[GOLD[table]]: row for row in self.rows(table)}

    def metrics(self) -> dict[str, Any]:
        """What the newest version was judged to be."""
        newest = max((self.lake / "gold" / "metrics").glob("*.json"))
        found: dict[str, Any] = json.loads(newest.read_text())
        return {name: found[name] for name in ("evaluation", "ranking", "baselines", "dataset_info", "by_origin")}

    def tagged_runs(self, dag_run: str) -> dict[str, str]:
        """The Dagster runs that carry an Airflow run's id: task id to run id."""
        with dagster_storage(self.variables["DAGSTER_HOME"]) as instance:
            runs = instance.get_runs(dg.RunsFilter(tags={"airflow/run_id": dag_run}))
        return {run.tags["airflow/task_id"]: run.run_id for run in runs}


@dataclass(frozen=True)
class Seen:
    """A lakehouse right after a pipeline, before the next changes it."""

    hashes: dict[str, list[str]]
    gold: dict[str, dict[int, Any]]
    metrics: dict[str, Any]

    @classmethod
    def of(cls, side: Side, tables: tuple[str, ...]) -> "Seen":
        """What is there now."""
        hashes = {table: side.hashes(table) for table in tables}
        return cls(hashes, {table: side.lists(table) for table in GOLD}, side.metrics())


@dataclass(frozen=True)
class Outcome:
    """The same pipeline on both sides, and Airflow's account of its run."""

    run: Any
    airflow: Seen
    dagster: Seen


@dataclass(frozen=True)
class Pair:
    """Two sides with equal input, and the Airflow that works on one of them."""

    airflow: Side
    dagster: Side
    services: Any

    def run(self, pipeline: str, engine: str, tables: tuple[str, ...]) -> Outcome:
        """Run a pipeline on both; `engine` is what Airflow's tasks use by themselves."""
        run = self.services.run(pipeline)
        self.dagster.execute(pipeline, engine)
        return Outcome(run, *(Seen.of(side, tables) for side in (self.airflow, self.dagster)))


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, make_airflow: Callable[..., Any], clean_environment: dict[str, str]
) -> Pair:
    folder = tmp_path_factory.mktemp("parity")
    sides = []
    for name in ("airflow", "dagster"):
        home = folder / name / "dagster"
        home.mkdir(parents=True)
        shutil.copy(REPO / "dagster.yaml", home)
        named = {"LAKEHOUSE_PATH": str(folder / name / "the lake's"), "DAGSTER_HOME": str(home)}
        sides.append(Side(folder / name, clean_environment | SOURCE | named))
    return Pair(*sides, services=make_airflow(folder / "airflow's home", sides[0].variables))


@pytest.fixture(scope="module")
def main_job(pair: Pair) -> Outcome:
    return pair.run("reco_pipeline", "embedded", MAIN_TABLES)


@pytest.fixture(scope="module")
def drift(pair: Pair, main_job: Outcome) -> Outcome:
    """A shifted file on both sides, taken in, scored and trained on."""
    simulate(pair.airflow.settings, SHIFTED, "current.csv")
    pair.dagster.settings.storage.landing.mkdir(parents=True, exist_ok=True)
    shutil.copy(pair.airflow.settings.storage.landing / "current.csv", pair.dagster.settings.storage.landing)
    return pair.run("drift_detection_retrain_pipeline", "spark", DRIFT_TABLES)


def alike(document: Any) -> dict[str, Any]:
    """Equal to the leaves of another document but for last digits, which depend on the order that rows are read in."""
    plain = leaves(document).items()
    return {path: pytest.approx(value, rel=1e-5) if isinstance(value, float) else value for path, value in plain}


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The plain values of nested lists and dictionaries, by the way to each."""
    if not isinstance(value, dict | list):
        return {path: value}
    found: dict[str, Any] = {}
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        found |= leaves(each, f"{path}/{key}")
    return found


@pytest.mark.parametrize("table", MAIN_TABLES)
def test_the_main_job_makes_the_same_rows(main_job: Outcome, table: str) -> None:
    assert main_job.airflow.hashes[table] == main_job.dagster.hashes[table]


def test_the_main_job_reaches_the_same_metrics(main_job: Outcome) -> None:
    assert leaves(main_job.airflow.metrics) == alike(main_job.dagster.metrics)


def test_the_main_job_makes_the_same_recommendations(main_job: Outcome) -> None:
    assert leaves(main_job.airflow.gold) == alike(main_job.dagster.gold)


def test_drift_leads_to_retraining(drift: Outcome) -> None:
    skipped = {task for task, state in drift.run.tasks.items() if state == "skipped"}
    assert skipped == {"skip_retrain"}
    assert set(drift.run.tasks.values()) == {"success", "skipped"}


@pytest.mark.parametrize("table", DRIFT_TABLES)
def test_the_drift_pipeline_makes_the_same_rows(drift: Outcome, table: str) -> None:
    assert drift.airflow.hashes[table] == drift.dagster.hashes[table]


def test_the_drift_pipeline_reaches_the_same_metrics(drift: Outcome) -> None:
    assert leaves(drift.airflow.metrics) == alike(drift.dagster.metrics)


def test_the_drift_pipeline_makes_the_same_recommendations(drift: Outcome) -> None:
    assert leaves(drift.airflow.gold) == alike(drift.dagster.gold)


def test_both_report_the_same_drift(drift: Outcome, pair: Pair) -> None:
    mine, other = read_report(pair.airflow.settings), read_report(pair.dagster.settings)
    assert mine["drift_score"] > 1.0
    for name in (*SECTIONS, "drift_score", "should_retrain", "batches"):
        assert leaves(mine[name]) == alike(other[name]), name


def test_the_report_in_xcom_is_the_one_on_disk(drift: Outcome, pair: Pair) -> None:
    report, handed_on = read_report(pair.airflow.settings), drift.run.xcoms["detect_drift"]
    assert handed_on["retrain_decision"]["report_id"] == report["report_id"]
    assert {name: handed_on[name] for name in SECTIONS} == {name: report[name] for name in SECTIONS}


@pytest.mark.parametrize(("pipeline", "tasks"), [("main_job", MAIN_ASSET_TASKS), ("drift", DRIFT_ASSET_TASKS)])
def test_each_run_is_found_from_the_other_side(
    request: pytest.FixtureRequest, pair: Pair, pipeline: str, tasks: tuple[str, ...]
) -> None:
    run = request.getfixturevalue(pipeline).run
    assert pair.airflow.tagged_runs(run.run_id) == {task: run.xcoms[task]["run_id"] for task in tasks}


def test_dagsters_sensor_leaves_the_report_to_airflow(drift: Outcome, pair: Pair) -> None:
    with dagster_storage(pair.airflow.variables["DAGSTER_HOME"]) as instance:
        sensor = build_definitions(pair.airflow.settings).get_sensor_def("retrain_sensor")
        result = sensor(dg.build_sensor_context(instance))
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    assert f"left to Airflow's DAG drift_detection_retrain_pipeline, run {drift.run.run_id}" in str(result.skip_reason)
