"""Whole runs of every DAG: which tasks run, which are skipped, and what the platform is asked to do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

MONDAY, SUNDAY = datetime(2025, 1, 6, tzinfo=UTC), datetime(2025, 1, 5, tzinfo=UTC)
GOOD_RUNS = [
    ("reco_pipeline", {}, set()),
    ("data_validation_dag", {}, set()),
    ("model_training_dag", {}, set()),
    (
        "drift_detection_retrain_pipeline",
        {"check_retrain": "skip_retrain"},
        {"merge_streaming_data", "train_recommender", "find_latest_model", "test_recommender"},
    ),
    ("ml_pipeline_dag", {"choose_retraining": "skip_retraining"}, {"trigger_retraining"}),
    ("model_retraining_dag", {"compare_models": "deploy_new_model"}, {"rollback_model"}),
    ("model_retraining_dag", {"compare_models": "rollback_model"}, {"deploy_new_model"}),
]


@pytest.mark.parametrize(("dag_id", "branches", "skipped"), GOOD_RUNS)
def test_a_good_run_takes_the_way_the_platform_decided(
    dag_id: str, branches: dict[str, str], skipped: set[str], run_dag: Callable[..., Any], alerts: Any
) -> None:
    run = run_dag(dag_id, branches=branches)
    assert run.state == "success"
    assert run.tasks_in("skipped") == skipped
    assert run.tasks_in("success") == set(run.states) - skipped
    assert {run.attempts[task] for task in run.tasks_in("success")} == {1}
    assert not alerts.mails


def test_drift_leads_to_a_new_model_and_its_decision_is_in_xcom(run_dag: Callable[..., Any]) -> None:
    run = run_dag("drift_detection_retrain_pipeline", branches={"check_retrain": "merge_streaming_data"})
    assert run.state == "success"
    assert run.tasks_in("skipped") == {"skip_retrain"}
    assert run.tasks_in("success") == set(run.states) - {"skip_retrain"}
    decision = {"next_task": "merge_streaming_data", "drift_score": 1.25, "report_id": "report"}
    assert run.pushed("check_retrain", "retrain_decision") == decision
    assert run.pushed("detect_drift")["retrain_decision"] == decision
    assert run.pushed("find_latest_model") == '/models/it\'s "find_latest_model"'


def test_a_drift_run_without_a_decision_fails_instead_of_guessing(run_dag: Callable[..., Any]) -> None:
    run = run_dag("drift_detection_retrain_pipeline")
    assert run.tasks_in("failed") == {"check_retrain"}
    assert run.state == "failed"


@pytest.fixture(scope="module")
def etl_run(run_dag: Callable[..., Any]) -> Any:
    """One good run of etl_train_test_pipeline."""
    return run_dag("etl_train_test_pipeline")


def test_a_good_run_of_the_training_pipeline_runs_every_task(etl_run: Any) -> None:
    assert etl_run.state == "success"
    assert etl_run.tasks_in("success") == set(etl_run.states)


def test_the_model_that_is_found_is_the_model_that_is_tested(etl_run: Any) -> None:
    (found,) = etl_run.calls_of("find_latest_model")
    (tested,) = etl_run.calls_of("spark_test_recommender")
    assert found["arguments"] == ["run", "--function", "find_latest_model"]
    assert following(tested["arguments"], "--model-path") == '/models/it\'s "find_latest_model"'


def test_paths_with_spaces_and_quotes_arrive_whole(etl_run: Any, home: Path) -> None:
    lakehouse = str(home / 'the lake\'s "house"')
    (call,) = etl_run.calls_of("spark_etl")
    assert following(call["arguments"], "--train-file") == f"{lakehouse}/combined/train.txt"
    assert {call["environment"]["LAKEHOUSE_PATH"] for call in etl_run.calls} == {lakehouse}


def test_every_call_carries_the_ids_by_which_the_platform_tags_its_run(etl_run: Any) -> None:
    for call in etl_run.calls:
        ids = {name.removeprefix("AIRFLOW_CTX_"): value for name, value in call["environment"].items()}
        assert ids["DAG_ID"] == "etl_train_test_pipeline"
        assert ids["DAG_RUN_ID"] == etl_run.run_id
        assert ids["TASK_ID"] == call["task"]
        assert ids["TRY_NUMBER"] == "1"
    assert {call["task"] for call in etl_run.calls} == set(etl_run.states)


def test_on_sundays_a_model_is_trained_and_deployed_when_it_passes_the_gate(
    run_dag: Callable[..., Any], alerts: Any
) -> None:
    run = run_dag("movie_recommender_pipeline", branches={"deploy_model_check": "deploy_model"}, day=SUNDAY)
    assert run.state == "success"
    assert len(run.calls_of("train_model")) == len(run.calls_of("deploy_model")) == 1
    assert run.tasks_in("skipped") == {"skip_deploy", "alert_failure"}
    assert [message.partition(",")[0] for message in alerts.slack] == ["Succeeded: DAG movie_recommender_pipeline"]
    (simulation,) = run.calls_of("generate_synthetic_data")
    assert (simulation["command"], simulation["arguments"]) == ("generate.py", ["generate-all"])


def test_a_model_that_fails_the_gate_is_not_deployed_and_the_run_is_a_success(
    run_dag: Callable[..., Any], alerts: Any
) -> None:
    run = run_dag("movie_recommender_pipeline", branches={"deploy_model_check": "skip_deploy"})
    assert run.state == "success"
    assert run.tasks_in("skipped") == {"deploy_model", "alert_failure"}
    assert run.pushed("deploy_model_check", "deploy_decision")["next_task"] == "skip_deploy"
    assert len(alerts.slack) == 1


@pytest.mark.parametrize("day", [SUNDAY, MONDAY])
def test_training_is_told_the_day_of_the_run_whose_weekly_rule_is_the_platforms(
    day: datetime, run_dag: Callable[..., Any]
) -> None:
    run = run_dag("movie_recommender_pipeline", branches={"deploy_model_check": "skip_deploy"}, day=day)
    config = json.loads(following(asked(run, "train_model"), "--config"))
    told = datetime.fromisoformat(config["models__ncf_candidate"]["day"])
    assert told.strftime("%A") == day.strftime("%A")


def test_a_run_by_hand_without_a_date_goes_by_the_day_it_starts(run_dag: Callable[..., Any], alerts: Any) -> None:
    import airflow

    if airflow.__version__.startswith("2."):
        pytest.skip("every run of Airflow 2 has a date")
    without = {"logical_date": None, "run_after": SUNDAY}
    run = run_dag("movie_recommender_pipeline", branches={"deploy_model_check": "skip_deploy"}, **without)
    config = json.loads(following(asked(run, "train_model"), "--config"))
    assert config == {"models__ncf_candidate": {"day": "2025-01-05"}}
    assert "date 2025-01-05T00:00:00+00:00" in alerts.slack[0]


def test_each_task_of_the_neural_pipeline_makes_its_own_part(run_dag: Callable[..., Any]) -> None:
    run = run_dag("movie_recommender_pipeline", branches={"deploy_model_check": "deploy_model"})
    selected = {
        call["task"]: following(call["arguments"], "--select") for call in run.calls if call["command"] == "reco"
    }
    assert selected == {
        "extract_events": "events/log,events/dead_letters,gold/trending",
        "compute_features": "features/store",
        "train_model": "models/ncf_candidate",
        "evaluate_model": "models/ncf_evaluation",
        "deploy_model": "models/ncf_champion",
    }


def test_the_documented_variables_reach_every_task_with_their_documented_defaults(
    run_dag: Callable[..., Any], etl_run: Any
) -> None:
    run = run_dag("movie_recommender_pipeline", branches={"deploy_model_check": "deploy_model"})
    of_events = {
        "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
        "DATA_LAKE_PATH": "/data/events",
        "FEATURE_STORE_PATH": "/data/features/feature_store.duckdb",
    }
    for call in (*run.calls, *etl_run.calls):
        assert of_events.items() <= call["environment"].items(), call["task"]
    told = {call["task"] for call in run.calls if call["environment"].get("MLFLOW_TRACKING_URI")}
    assert told == {"train_model", "evaluate_model", "deploy_model"}
    (trained,) = run.calls_of("train_model")
    assert trained["environment"]["MLFLOW_TRACKING_URI"] == "http://localhost:5000"


def asked(run: Any, task: str) -> list[str]:
    """What the only call of a task asked the platform for."""
    (call,) = run.calls_of(task)
    return call["arguments"]


def test_each_validation_task_runs_its_own_checks_by_itself(run_dag: Callable[..., Any]) -> None:
    run = run_dag("data_validation_dag")
    assert asked(run, "validate_schema") == ["run", "--checks", "schema"]
    report = ["--select", "quality/report"]
    assert asked(run, "check_data_quality") == ["run", "--checks", "nulls,ranges,references,row_count", *report]
    assert asked(run, "check_distributions") == ["run", "--checks", "distributions"]
    assert asked(run, "detect_anomalies") == ["run", "--checks", "duplicates,outliers"]


def test_what_a_check_found_is_in_xcom(run_dag: Callable[..., Any]) -> None:
    found = {"run_id": "r", "passed": True, "checks": {"silver/tags": {"outliers": {"passed": False}}}}
    run = run_dag("data_validation_dag", {"detect_anomalies": {"result": found}})
    assert run.state == "success"
    assert run.pushed("detect_anomalies")["checks"] == found["checks"]


@pytest.mark.parametrize("task", ["check_data_quality", "check_distributions", "detect_anomalies"])
def test_an_error_that_a_check_found_fails_its_own_task_alone(run_dag: Callable[..., Any], task: str) -> None:
    run = run_dag("data_validation_dag", {task: {"exit_codes": [1, 1]}})
    assert run.state == "failed"
    assert run.tasks_in("failed") == {task}
    assert run.tasks_in("success") == set(run.states) - {task}


def test_a_wrong_schema_stops_the_checks_behind_it(run_dag: Callable[..., Any]) -> None:
    run = run_dag("data_validation_dag", {"validate_schema": {"exit_codes": [1, 1]}})
    assert run.tasks_in("failed") == {"validate_schema"}
    assert {call["task"] for call in run.calls} == {"validate_schema"}


def test_nothing_is_trained_on_data_that_is_not_valid(run_dag: Callable[..., Any]) -> None:
    run = run_dag("ml_pipeline_dag", {"validate_data": {"exit_codes": [1, 1]}})
    assert run.state == "failed"
    assert run.tasks_in("failed") == {"validate_data"}
    assert {call["task"] for call in run.calls} == {"check_new_data", "validate_data"}


def test_the_weekly_pipeline_goes_on_with_nothing_new_and_says_so(run_dag: Callable[..., Any]) -> None:
    nothing = {"has_new_data": False, "summary": "Nothing new."}
    scenario = {"check_new_data": {"result": {"value": nothing}}}
    run = run_dag("ml_pipeline_dag", scenario, branches={"choose_retraining": "skip_retraining"})
    assert run.state == "success"
    assert run.pushed("check_new_data") == nothing
    assert [len(run.calls_of(task)) for task in ("train", "evaluate", "deploy")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("chosen", "arguments"),
    [
        ("rollback_model", ["run", "--function", "rollback_model"]),
        (
            "deploy_new_model",
            [
                *("run", "--select"),
                "models/als_experiment,models/als_champion,"
                "gold/recommendations_als,gold/similar_movies,gold/recommendations_why,gold/exposures",
            ],
        ),
    ],
)
def test_retraining_ends_as_the_comparison_of_the_models_says(
    run_dag: Callable[..., Any], chosen: str, arguments: list[str]
) -> None:
    run = run_dag("model_retraining_dag", branches={"compare_models": chosen})
    assert asked(run, "backup_current_model") == ["run", "--function", "backup_current_model"]
    assert asked(run, chosen) == arguments
    assert run.pushed("compare_models", "comparison")["next_task"] == chosen


def test_without_a_backup_nothing_is_retrained(run_dag: Callable[..., Any]) -> None:
    run = run_dag("model_retraining_dag", {"backup_current_model": {"exit_codes": [1, 1]}})
    assert run.state == "failed"
    assert {call["task"] for call in run.calls} == {"backup_current_model"}


def test_drift_triggers_the_retraining_dag_once(run_dag: Callable[..., Any]) -> None:
    from airflow.models.dagrun import DagRun

    before = len(DagRun.find(dag_id="model_retraining_dag"))
    run = run_dag("ml_pipeline_dag", branches={"choose_retraining": "trigger_retraining"})
    assert run.state == "success"
    assert run.tasks_in("skipped") == {"skip_retraining"}
    assert len(DagRun.find(dag_id="model_retraining_dag")) == before + 1


def following(arguments: list[str], option: str) -> str:
    """The argument behind an option."""
    return arguments[arguments.index(option) + 1]


STEERED = {
    "etl_train_test_pipeline": {},
    "reco_pipeline": {},
    "model_training_dag": {},
    "movie_recommender_pipeline": {"deploy_model_check": "deploy_model"},
    "ml_pipeline_dag": {"choose_retraining": "skip_retraining"},
    "model_retraining_dag": {"compare_models": "deploy_new_model"},
    "drift_detection_retrain_pipeline": {"check_retrain": "merge_streaming_data"},
}


@pytest.mark.parametrize(("dag_id", "branches"), STEERED.items())
def test_the_variables_and_the_mlflow_connection_steer_every_task(
    dag_id: str, branches: dict[str, str], run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"TRAINING_LOOKBACK_DAYS": "30", "MODEL_REGISTRY_NAME": "films", "PREDICTION_THRESHOLD": "3.5"}
    for name, value in variables.items():
        monkeypatch.setenv(f"AIRFLOW_VAR_{name}", value)
    mlflow = {"conn_type": "http", "host": "mlflow", "port": 5000, "login": "me", "password": "secret"}
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_CONN", json.dumps(mlflow))
    run = run_dag(dag_id, branches=branches)
    assert run.state == "success"
    given = {
        "TRAINING_LOOKBACK_DAYS": "30",
        "MODEL_REGISTRY_NAME": "films",
        "RATING_THRESHOLD": "3.5",
        "MLFLOW_TRACKING_URI": "http://mlflow:5000",
        "MLFLOW_TRACKING_USERNAME": "me",
        "MLFLOW_TRACKING_PASSWORD": "secret",
    }
    for call in run.calls:
        if call["command"] != "generate.py":  # which trains and registers nothing
            assert given.items() <= call["environment"].items(), call["task"]


def test_what_is_not_set_in_airflow_leaves_the_platforms_own_settings(
    etl_run: Any, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    steered = {"TRAINING_LOOKBACK_DAYS", "MODEL_REGISTRY_NAME", "RATING_THRESHOLD", "MLFLOW_TRACKING_URI"}
    assert all(steered.isdisjoint(call["environment"]) for call in etl_run.calls)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    for call in run_dag("reco_pipeline").calls:
        assert call["environment"]["MLFLOW_TRACKING_URI"] == "http://elsewhere:5000"


def test_a_merge_is_told_the_report_that_called_for_it(run_dag: Callable[..., Any]) -> None:
    decision = {"next_task": "merge_streaming_data", "report_id": "the-report"}
    run = run_dag("drift_detection_retrain_pipeline", {"detect_drift": {"result": {"retrain_decision": decision}}})
    (merged,) = run.calls_of("merge_streaming_data")
    assert merged["environment"]["RECO_DRIFT_REPORT"] == "the-report"
    (trained,) = run.calls_of("train_recommender")
    assert "RECO_DRIFT_REPORT" not in trained["environment"]


@pytest.mark.parametrize(("conf", "report"), [({"report": "the-report"}, "the-report"), ({}, "")])
def test_retraining_is_told_the_report_that_triggered_it_and_none_when_started_by_hand(
    conf: dict[str, str], report: str, run_dag: Callable[..., Any]
) -> None:
    run = run_dag("model_retraining_dag", branches={"compare_models": "rollback_model"}, run_conf=conf)
    config = json.loads(following(asked(run, "retrain_model"), "--config"))
    assert config == {"stream__accepted": {"accept": "ALWAYS", "report": report}}


def test_the_triggered_run_carries_the_report(run_dag: Callable[..., Any]) -> None:
    from airflow.models.dagrun import DagRun

    decision = {"next_task": "merge_streaming_data", "report_id": "the-report"}
    run = run_dag("ml_pipeline_dag", {"check_drift": {"result": {"retrain_decision": decision}}})
    assert run.states["trigger_retraining"] == "success"
    triggered = max(DagRun.find(dag_id="model_retraining_dag"), key=lambda found: found.id)
    assert triggered.conf == {"report": "the-report"}


def test_the_platform_is_told_the_workspace_and_publishes_there(etl_run: Any) -> None:
    for call in etl_run.calls:
        assert call["environment"]["WORKSPACE"] == "/workspace"
        assert call["environment"]["PUBLISH_PATHS"] == "on"
