"""What the code location holds, as a snapshot: a change here is a change that users see."""

import subprocess
import sys
from graphlib import TopologicalSorter

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.spec import HEAVY, JobSpec
from reco_assets.tables import DECLARED, HEAVY_POOL
from resources.settings import load_settings

GROUPS = {
    "bronze": {"bronze/movies", "bronze/ratings", "bronze/tags"},
    "silver": {
        "silver/etl_report",
        "silver/movies",
        "silver/quarantine_movies",
        "silver/quarantine_ratings",
        "silver/quarantine_tags",
        "silver/ratings",
        "silver/tags",
    },
    "splits": {
        "silver/future_csv",
        "silver/future_ratings",
        "silver/split_ratings",
        "silver/test_ratings",
        "silver/train_ratings",
    },
    "stream": {"stream/accepted", "stream/quarantine", "stream/ratings"},
    "drift": {"drift/data_drift", "drift/model_drift", "drift/report"},
    "features": {"features/store"},
    "models": {
        *("models/als_candidate", "models/als_champion", "models/als_evaluation", "models/als_experiment"),
        *("models/ncf_candidate", "models/ncf_champion", "models/ncf_evaluation"),
        "models/metrics",
    },
    "events": {"events/dead_letters", "events/log", "events/simulated"},
    "serving": {"serving/rules"},
    "gold": {
        *("gold/recommendations_als", "gold/recommendations_fresh", "gold/recommendations_why"),
        *("gold/exposures", "gold/similar_movies", "gold/trending"),
    },
    "quality": {"quality/evidently", "quality/report"},
    "maintenance": {"maintenance/tables"},
}
EVERY_TABLE = {"schema", "nulls", "ranges", "row_count"}
KEYED = EVERY_TABLE | {"duplicates"}
CHECKS = {
    "bronze/movies": EVERY_TABLE,
    "bronze/ratings": EVERY_TABLE,
    "bronze/tags": EVERY_TABLE,
    "silver/etl_report": {"quality_passed", "rows_conserved"},
    "silver/ratings": KEYED | {"references", "distributions", "outliers"},
    "silver/movies": KEYED | {"distributions"},
    "silver/tags": EVERY_TABLE | {"references"},
    "silver/quarantine_ratings": KEYED,
    "silver/quarantine_movies": KEYED,
    "silver/quarantine_tags": KEYED,
    "silver/split_ratings": EVERY_TABLE | {"split_ties"},
    "silver/train_ratings": KEYED | {"distributions"},
    "silver/test_ratings": KEYED | {"distributions", "split_leakage"},
    "silver/future_ratings": KEYED | {"distributions"},
    "stream/ratings": KEYED | {"references", "distributions", "outliers", "no_file_refused", "every_file_taken"},
    "stream/quarantine": KEYED,
    "events/log": KEYED | {"messages_conserved", "nothing_lost"},
    "events/dead_letters": EVERY_TABLE | {"no_dead_letters"},
    "gold/trending": KEYED,
    "models/als_evaluation": {"not_worse_in_slice", "gate_passed", "beats_baselines"},
    "models/als_champion": {"candidate_promoted", "not_trained_on_withdrawn"},
    "models/als_experiment": {"challenger_not_worse"},
    "models/ncf_evaluation": {"gate_passed"},
    "models/ncf_champion": {"candidate_promoted"},
    "drift/report": {"drift_within_limit"},
    "models/metrics": KEYED,
    "features/store": {"rules_hold", "no_look_ahead"},
    "serving/rules": KEYED,
    "gold/recommendations_als": KEYED | {"references", "serving_parity", "fresh_agreement", "rules_kept"},
    "gold/exposures": KEYED,
    "gold/recommendations_fresh": KEYED | {"references", "none_seen", "rules_kept"},
    "gold/recommendations_why": KEYED | {"references", "rules_kept"},
    "gold/similar_movies": KEYED | {"references", "serving_parity", "rules_kept"},
}
OF_INTAKE = {"no_file_refused", "every_file_taken", "messages_conserved", "nothing_lost", "no_dead_letters"}
OF_EVALUATION = {"not_worse_in_slice", "fresh_agreement", "gate_passed", "beats_baselines", "candidate_promoted"}
OF_EVALUATION |= {"drift_within_limit", "challenger_not_worse"}
OF_SPLIT = {"split_ties", "split_leakage"}
OF_WITHDRAWALS = {"not_trained_on_withdrawn"}
NOT_BLOCKING = {"references", "distributions", "outliers", "serving_parity"} | OF_SPLIT | OF_INTAKE | OF_EVALUATION
NOT_BLOCKING -= {"messages_conserved"}
NOT_BLOCKING |= OF_WITHDRAWALS
JOBS = {
    "reco_pipeline",
    "etl_train_test_pipeline",
    "drift_detection_retrain_pipeline",
    "ml_pipeline_dag",
    "data_validation_dag",
    "model_retraining_dag",
    "model_training_dag",
    "movie_recommender_pipeline",
    "stream_intake",
    "drift_scoring",
    "drift_retrain",
    "experiment_look",
    "lakehouse_maintenance",
}
SENSORS = {"landing_sensor", "retrain_sensor", "ghost_run_sensor", "history_sensor", "sla_sensor"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(load_settings())


def test_the_assets_are_these_in_these_groups(definitions: dg.Definitions) -> None:
    found: dict[str, set[str]] = {}
    for spec in definitions.resolve_all_asset_specs():
        found.setdefault(str(spec.group_name), set()).add(spec.key.to_user_string())
    assert found == GROUPS


def test_the_checks_are_these_and_block_but_for_warnings(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
        assert graph.get_check_spec(key).blocking is (key.name not in NOT_BLOCKING), key
    assert found == CHECKS


def test_the_validation_job_runs_every_check_of_the_tables_and_makes_their_report(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("data_validation_dag")
    checked: dict[str, set[str]] = {}
    for key in job.asset_layer.asset_graph.asset_check_keys:
        checked.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    own = {"quality_passed", "rows_conserved", "rules_hold", "no_look_ahead", "serving_parity", "rules_kept"}
    own |= OF_WITHDRAWALS | OF_SPLIT | OF_INTAKE | OF_EVALUATION | {"none_seen"}
    assert checked == {table: names - own for table, names in CHECKS.items() if names - own}
    assert job.asset_layer.selected_asset_keys == {dg.AssetKey(["quality", "report"])}


def test_the_jobs_are_the_documented_ones_and_those_of_the_sensors(definitions: dg.Definitions) -> None:
    assert {job.name for job in definitions.jobs or ()} == JOBS


def test_the_sensors_are_on_by_default(definitions: dg.Definitions) -> None:
    sensors = list(definitions.sensors or ())
    assert {sensor.name for sensor in sensors} == SENSORS
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors)


def test_every_schedule_and_sensor_says_what_it_does(definitions: dg.Definitions) -> None:
    for found in (*(definitions.schedules or ()), *(definitions.sensors or ())):
        assert isinstance(found, dg.ScheduleDefinition | dg.SensorDefinition)
        assert found.description, found.name


def test_the_quality_report_comes_after_every_table_by_a_few_edges(definitions: dg.Definitions) -> None:
    graph, report = definitions.resolve_asset_graph(), dg.AssetKey(["quality", "report"])
    steps = [graph.get(key).assets_def for key in graph.get_ancestor_asset_keys(report)]
    made_before = {key.to_user_string() for step in steps for key in step.keys}
    assert {name for name in DECLARED if graph.has(dg.AssetKey(name.split("/")))} - made_before == set()
    assert len(graph.get(report).parent_keys) < 10


def test_every_asset_has_a_description_an_owner_and_a_kind(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key


def test_no_asset_is_partitioned(definitions: dg.Definitions) -> None:
    assert all(spec.partitions_def is None for spec in definitions.resolve_all_asset_specs())


def test_every_step_takes_its_turn_but_those_of_an_intake(definitions: dg.Definitions) -> None:
    nodes = definitions.resolve_implicit_global_asset_job_def().nodes
    pools = {node.name: node.definition.pools for node in nodes}
    light = {name for name, held in pools.items() if held != {HEAVY_POOL}}
    table = "gold__recommendations_fresh"
    fresh = {table, f"{table}_none_seen", f"{table}_rules_kept", "check_gold_recommendations_fresh"}
    fresh |= {"gold__exposures", "check_gold_exposures"}
    intake = {"process_streaming_data", "detect_drift", "check_stream_ratings", "check_stream_quarantine"}
    assert light == intake | fresh
    assert not any(pools[name] for name in light)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_pipeline_of_the_heavy_queue_holds_the_heavy_pool_and_an_intake_none(
    definitions: dg.Definitions, spec: JobSpec
) -> None:
    steps = definitions.resolve_job_def(spec.name).nodes
    assert set().union(*(step.definition.pools for step in steps)) == ({HEAVY_POOL} if spec.queue == HEAVY else set())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_task_reads_what_a_later_task_of_its_job_makes(definitions: dg.Definitions, spec: JobSpec) -> None:
    before: dict[str, set[str]] = {task.name: set() for task in spec.tasks}
    for upstream, downstream in spec.edges:
        before[downstream].add(upstream)
    ancestors: dict[str, set[str]] = {}
    for task in TopologicalSorter(before).static_order():
        ancestors[task] = {task}.union(*(ancestors[upstream] for upstream in before[task]))
    maker = {asset: task.name for task in spec.tasks for asset in task.assets}
    graph = definitions.resolve_asset_graph()
    for asset, task in maker.items():
        for parent in graph.get(dg.AssetKey(asset.split("/"))).parent_keys:
            made_by = maker.get(parent.to_user_string())
            assert made_by is None or made_by in ancestors[task], f"{asset} of {task} reads {parent} of {made_by}"


def test_schedules_exist_for_crons_that_are_set_and_are_off_by_default() -> None:
    settings = load_settings(reco_pipeline_cron="0 2 * * *", etl_train_test_pipeline_cron="")
    schedules = list(build_definitions(settings).schedules or ())
    assert [(schedule.name, schedule.cron_schedule) for schedule in schedules] == [
        ("reco_pipeline_schedule", "0 2 * * *"),
        ("drift_detection_retrain_pipeline_schedule", "0 0 * * *"),
        ("ml_pipeline_dag_schedule", "0 0 * * 0"),
        ("data_validation_dag_schedule", "0 0 * * *"),
        ("movie_recommender_pipeline_schedule", "0 2 * * *"),
        ("experiment_look_schedule", "0 4 * * *"),
        ("lakehouse_maintenance_schedule", "0 3 * * 0"),
    ]
    assert all(schedule.default_status == dg.DefaultScheduleStatus.STOPPED for schedule in schedules)


@pytest.mark.slow
def test_the_workspace_file_loads_by_dagsters_own_validation() -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
