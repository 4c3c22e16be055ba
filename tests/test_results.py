"""What a run hands on: its figures, the decision on retraining, and the file that an Airflow task reads."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.drift.claims import SENSOR, airflow_claimant, claim
from reco_assets.drift.reports import ReportError, write_report
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from reco_assets.runner.results import as_json, checks_result, drift_result, hand_over, run_result
from reco_assets.runner.run import Checked, ChecksFailedError, Outcome, require_no_error
from resources.settings import Settings, load_settings

ERROR = dg.AssetCheckSeverity.ERROR
AIRFLOW = {
    "airflow_ctx_dag_id": "reco_pipeline",
    "airflow_ctx_dag_run_id": "scheduled__2026-01-01T00:00:00+00:00",
    "airflow_ctx_task_id": "verify_silver_output",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake")


def drift_report(data: float | None, model: float | None, **changes: Any) -> dict[str, Any]:
    """The parts of a report that a decision looks at."""
    return {
        "report_id": "r1",
        "should_retrain": max(data or 0.0, model or 0.0) > 1.0,
        "drift_score": max(data or 0.0, model or 0.0),
        "reason": "as the scores say",
        "data_drift": {"score": data},
        "model_drift": {"score": model},
    } | changes


def test_a_result_names_the_run_and_the_figures_of_each_asset(settings: Settings) -> None:
    figures = {"dagster/row_count": 3, "delta_version": 0, "promoted": True}
    outcome = Outcome("run-1", {"silver/ratings": figures | {"preview": "| a |"}}, {"silver/ratings": figures})
    assert run_result(settings, outcome) == {
        "run_id": "run-1",
        "assets": {"silver/ratings": {"row_count": 3, "delta_version": 0, "promoted": True}},
    }


def test_a_run_that_made_a_drift_report_says_what_follows_from_that_report(settings: Settings) -> None:
    write_report(settings, drift_report(1.4, None), "<html>")
    write_report(settings, drift_report(0.2, 0.1, report_id="newer"), "<html>")
    outcome = Outcome("run-1", {"drift/report": {"report_id": "r1"}}, {"drift/report": {"report_id": "r1"}})
    result = run_result(settings, outcome)
    assert result["data_drift"] == {"score": 1.4}
    assert result["retrain_decision"] == {
        "should_retrain": True,
        "drift_score": 1.4,
        "data_drift": {"score": 1.4},
        "model_drift": {"score": None},
        "report_id": "r1",
        "reason": "as the scores say",
        "next_task": "merge_streaming_data",
    }


def test_a_report_that_is_gone_is_named(settings: Settings) -> None:
    with pytest.raises(ReportError, match=r"r1\.json"):
        run_result(settings, Outcome("run-1", {"drift/report": {"report_id": "r1"}}, {}))


@pytest.mark.parametrize(
    ("data", "model", "following"),
    [(1.01, 0.0, "merge_streaming_data"), (0.0, 1.01, "merge_streaming_data"), (1.0, 1.0, "skip_retrain")],
)
def test_the_documented_rule_decides_on_the_two_sections(
    settings: Settings, data: float, model: float, following: str
) -> None:
    decision = drift_result(settings, drift_report(data, model))["retrain_decision"]
    assert decision["next_task"] == following


@pytest.mark.parametrize("changes", [{"drift_policy": "calibrated"}, {"drift_rmse_trigger": 0.1}])
@pytest.mark.parametrize("verdict", [True, False])
def test_a_policy_that_sees_more_than_the_sections_decides_itself(
    tmp_path: Path, changes: dict[str, Any], verdict: bool
) -> None:
    settings = load_settings(lakehouse_path=tmp_path, **changes)
    report = drift_report(0.5 if verdict else 1.5, None, should_retrain=verdict, drift_score=0.7)
    decision = drift_result(settings, report)["retrain_decision"]
    assert (decision["should_retrain"], decision["drift_score"]) == (verdict, 0.7)
    assert decision["next_task"] == ("merge_streaming_data" if verdict else "skip_retrain")


def test_in_an_airflow_task_the_result_lies_under_the_ids_of_dag_run_and_task(tmp_path: Path) -> None:
    settings = load_settings(reco_results_path=tmp_path / "the 'results'", **AIRFLOW)
    path = hand_over(settings, {"value": "/a b/c", "rmse": float("nan")})
    assert path == (
        tmp_path / "the 'results'/reco_pipeline/scheduled__2026-01-01T00:00:00+00:00/verify_silver_output.json"
    )
    assert json.loads(path.read_text()) == {"value": "/a b/c", "rmse": None}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("left_out", [*AIRFLOW, "reco_results_path"])
def test_without_a_folder_or_outside_of_airflow_nothing_is_written(tmp_path: Path, left_out: str) -> None:
    given = {name: value for name, value in (AIRFLOW | {"reco_results_path": tmp_path}).items() if name != left_out}
    assert hand_over(load_settings(**given), {"value": 1}) is None
    assert list(tmp_path.iterdir()) == []


def test_values_are_what_every_json_reader_takes() -> None:
    given = {"nan": float("nan"), "more": [float("inf"), 1.5, True, None], "path": Path("/a"), 7: (1,)}
    assert as_json(given) == {"nan": None, "more": [None, 1.5, True, None], "path": "/a", "7": [1]}


def in_airflow(folder: Path, dag: str) -> Settings:
    return load_settings(lakehouse_path=folder, **(AIRFLOW | {"airflow_ctx_dag_id": dag}))


@pytest.mark.parametrize("dag", sorted(FOLLOWING_THEIR_REPORT))
def test_an_airflow_dag_that_retrains_claims_the_report_and_may_try_again(tmp_path: Path, dag: str) -> None:
    settings = in_airflow(tmp_path, dag)
    decisions = [drift_result(settings, drift_report(1.4, None))["retrain_decision"] for _ in range(2)]
    assert [decision["next_task"] for decision in decisions] == ["merge_streaming_data"] * 2
    assert claim(settings, "r1", SENSOR) == airflow_claimant(dag)


def test_an_airflow_dag_skips_the_report_that_dagster_retrains_on_already(tmp_path: Path) -> None:
    settings = in_airflow(tmp_path, "ml_pipeline_dag")
    claim(settings, "r1", SENSOR)
    decision = drift_result(settings, drift_report(1.4, None))["retrain_decision"]
    assert decision["should_retrain"]
    assert decision["next_task"] == "skip_retrain"
    assert decision["reason"] == "as the scores say; left to Dagster's retrain sensor"


@pytest.mark.parametrize(("dag", "score"), [("a_dag_of_ones_own", 1.4), ("ml_pipeline_dag", 0.4)])
def test_what_leads_to_no_retraining_in_airflow_claims_nothing(tmp_path: Path, dag: str, score: float) -> None:
    settings = in_airflow(tmp_path, dag)
    drift_result(settings, drift_report(score, None))
    assert claim(settings, "r1", SENSOR) == SENSOR


def checked(asset: str, name: str, passed: bool, severity: dg.AssetCheckSeverity = ERROR) -> Checked:
    return Checked(asset, name, passed, severity, f"{name} of {asset}", {"rows": 3})


def test_checks_are_told_by_table_and_kind_with_their_figures() -> None:
    found = [
        checked("silver/ratings", "nulls", True),
        checked("silver/ratings", "row_count", False, dg.AssetCheckSeverity.WARN),
    ]
    assert checks_result(Outcome("run-1", checks=found)) == {
        "run_id": "run-1",
        "passed": True,
        "checks": {
            "silver/ratings": {
                "nulls": {
                    "passed": True,
                    "severity": "ERROR",
                    "text": "nulls of silver/ratings",
                    "figures": {"rows": 3},
                },
                "row_count": {
                    "passed": False,
                    "severity": "WARN",
                    "text": "row_count of silver/ratings",
                    "figures": {"rows": 3},
                },
            }
        },
    }


def test_a_check_that_finds_an_error_is_named_with_its_table_and_a_warning_stops_nothing() -> None:
    warning = checked("silver/tags", "row_count", False, dg.AssetCheckSeverity.WARN)
    require_no_error([warning])
    with pytest.raises(ChecksFailedError, match=r"^1 of 2 checks failed\. silver/ratings: nulls: nulls of silver/rat"):
        require_no_error([warning, checked("silver/ratings", "nulls", False)])
