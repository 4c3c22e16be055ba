"""What a run came to: its figures, what follows from its drift report, and what its checks found."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.drift.reports import ReportError, write_report
from reco_assets.runner.results import checks_result, drift_result, run_result
from reco_assets.runner.run import Checked, ChecksFailedError, Outcome, require_no_error
from resources.files import plain_json
from resources.settings import Settings, load_settings

ERROR = dg.AssetCheckSeverity.ERROR


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
        "called_by": ["drift_above_threshold"],
        "next_task": "merge_streaming_data",
    }


def test_a_report_that_is_gone_is_named(settings: Settings) -> None:
    with pytest.raises(ReportError, match=r"r1\.json"):
        run_result(settings, Outcome("run-1", {"drift/report": {"report_id": "r1"}}, {}))


@pytest.mark.parametrize(("verdict", "following"), [(True, "merge_streaming_data"), (False, "skip_retrain")])
@pytest.mark.parametrize("scores", [(1.5, 0.2), (0.5, None)])
def test_the_verdict_is_the_reports_own_whatever_its_scores_and_todays_settings_say(
    scores: tuple[float, float | None], verdict: bool, following: str
) -> None:
    report = drift_report(*scores, should_retrain=verdict, drift_score=0.7)
    decision = drift_result(report)["retrain_decision"]
    assert (decision["should_retrain"], decision["drift_score"], decision["next_task"]) == (verdict, 0.7, following)


def test_asking_for_a_result_in_an_airflow_task_claims_nothing_and_writes_nothing(tmp_path: Path) -> None:
    airflow = {"dag_id": "ml_pipeline_dag", "dag_run_id": "manual__1", "task_id": "check_drift"}
    settings = load_settings(
        lakehouse_path=tmp_path, **{f"airflow_ctx_{name}": value for name, value in airflow.items()}
    )
    write_report(settings, drift_report(1.4, None), "<html>")
    before = sorted(tmp_path.rglob("*"))
    run_result(settings, Outcome("run-1", {"drift/report": {"report_id": "r1"}}, {}))
    assert sorted(tmp_path.rglob("*")) == before


def test_values_are_what_every_json_reader_takes() -> None:
    given = {"nan": float("nan"), "more": [float("inf"), 1.5, True, None], "path": Path("/a"), 7: (1,)}
    assert plain_json(given) == {"nan": None, "more": [None, 1.5, True, None], "path": "/a", "7": [1]}


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


def test_a_run_that_judged_a_model_by_limits_says_whether_it_is_deployed(settings: Settings) -> None:
    decision = {"next_task": "skip_deploy", "reason": "rejected: AUC 0.7 is below 0.75", "metrics": {"auc": 0.7}}
    outcome = Outcome("run-1", {"models/ncf_evaluation": {"deploy_decision": decision}})
    assert run_result(settings, outcome)["deploy_decision"] == decision
