"""Attempts, alerts and limits: what happens when a task fails, hangs or takes long, and who hears of it."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowTaskTimeout

TO_SKIP = {"deploy_model_check": "skip_deploy"}


def test_a_task_that_fails_twice_and_then_succeeds_is_no_failure(run_dag: Callable[..., Any], alerts: Any) -> None:
    scenario = {"compute_features": {"exit_codes": [1, 1, 0]}}
    run = run_dag("movie_recommender_pipeline", scenario, TO_SKIP)
    assert run.state == "success"
    assert len(run.calls_of("compute_features")) == run.attempts["compute_features"] == 3
    assert run.tasks_in("skipped") == {"deploy_model", "alert_failure"}
    assert not alerts.mails
    assert len(alerts.slack) == 1
    assert alerts.slack[0].startswith("Succeeded: DAG movie_recommender_pipeline")


def test_a_failure_for_good_is_told_once_by_slack_and_once_by_mail(run_dag: Callable[..., Any], alerts: Any) -> None:
    run = run_dag("reco_pipeline", {"verify_silver_output": {"exit_codes": [1, 1]}})
    assert run.state == "failed"
    assert run.tasks_in("failed") == {"verify_silver_output"}
    assert run.attempts["verify_silver_output"] == 2
    told = [*alerts.slack, *alerts.mails]
    assert (len(alerts.slack), len(alerts.mails)) == (1, 1)
    for message in told:
        assert "reco_pipeline" in message
        assert run.run_id in message
        assert "date 2025-" in message
        assert "task verify_silver_output" in message


def test_a_failed_spark_submit_is_told_too(run_dag: Callable[..., Any], alerts: Any) -> None:
    run = run_dag("etl_train_test_pipeline", {"spark_etl": {"exit_codes": [1, 1]}})
    assert run.tasks_in("failed") == {"spark_etl"}
    assert (len(alerts.slack), len(alerts.mails)) == (1, 1)
    assert "task spark_etl" in alerts.slack[0]


def test_alert_failure_sends_the_slack_message_and_names_the_task(run_dag: Callable[..., Any], alerts: Any) -> None:
    run = run_dag("movie_recommender_pipeline", {"extract_events": {"exit_codes": [1, 1, 1]}})
    assert run.state == "failed"
    assert run.states["alert_failure"] == "success"
    assert run.states["alert_success"] == "upstream_failed"
    assert (len(alerts.slack), len(alerts.mails)) == (1, 1)
    for message in (*alerts.slack, *alerts.mails):
        assert "movie_recommender_pipeline" in message
        assert run.run_id in message
        assert "task extract_events" in message


def test_without_connections_alerts_are_left_out_and_fail_nothing(run_dag: Callable[..., Any]) -> None:
    good = run_dag("movie_recommender_pipeline", branches=TO_SKIP)
    assert good.state == "success"
    assert good.states["alert_success"] == "skipped"
    bad = run_dag("movie_recommender_pipeline", {"extract_events": {"exit_codes": [1, 1, 1]}})
    assert bad.tasks_in("failed") == {"extract_events"}
    assert bad.states["alert_failure"] == "skipped"


DOCUMENTED = {"conn_type": "http", "schema": "http", "extra": {"webhook_token": "T0/B0/x"}}


@pytest.mark.parametrize(
    "form",
    [
        {"host": "127.0.0.1", "port": "{port}"},
        {"host": "http://127.0.0.1:{port}"},
        {"host": "127.0.0.1:{port}/services"},
        {"host": "127.0.0.1", "port": "{port}", "extra": {"webhook_token": "/services/T0/B0/x"}},
        {"host": "unused", "extra": {"webhook_token": "http://127.0.0.1:{port}/services/T0/B0/x"}},
        {"conn_type": "slackwebhook", "host": "127.0.0.1:{port}/services", "password": "T0/B0/x", "extra": {}},
    ],
)
def test_every_form_of_the_slack_connection_leads_to_the_same_webhook(
    form: dict[str, Any], alerts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common.connections import slack_hook

    connection = json.dumps(DOCUMENTED | form).replace("{port}", str(alerts.port))
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", connection)
    slack_hook().send(text="hello")
    assert (alerts.slack, alerts.paths) == (["hello"], ["/services/T0/B0/x"])


def test_without_a_host_the_documented_connection_leads_to_slack_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from common.connections import slack_hook

    for host in ({}, {"host": "hooks.slack.com"}):
        connection = {"conn_type": "http", "extra": {"webhook_token": "T0/B0/x"}} | host
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
        assert slack_hook().client.url == "https://hooks.slack.com/services/T0/B0/x"


def test_tasks_and_callbacks_alike_take_the_documented_slack_connection(
    run_dag: Callable[..., Any], alerts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = DOCUMENTED | {"host": "127.0.0.1", "port": alerts.port}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
    good = run_dag("movie_recommender_pipeline", branches=TO_SKIP)
    run_dag("reco_pipeline", {"verify_silver_output": {"exit_codes": [1, 1]}})
    assert good.states["alert_success"] == "success"
    assert [message.partition(":")[0] for message in alerts.slack] == ["Succeeded", "Failed"]
    assert set(alerts.paths) == {"/services/T0/B0/x"}


@pytest.mark.parametrize("output", ["", "no JSON"])
def test_a_runner_without_a_result_is_a_failure(output: str, run_dag: Callable[..., Any], alerts: Any) -> None:
    run = run_dag("reco_pipeline", {"verify_silver_output": {"output": output}})
    assert run.tasks_in("failed") == {"verify_silver_output"}


def test_an_application_that_leaves_no_json_is_a_failure(run_dag: Callable[..., Any], alerts: Any) -> None:
    run = run_dag("etl_train_test_pipeline", {"spark_etl": {"output": "no JSON"}})
    assert run.tasks_in("failed") == {"spark_etl"}


def test_a_task_over_its_limit_is_told_once_and_goes_on(
    run_dag: Callable[..., Any], alerts: Any, dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = dags["movie_recommender_pipeline"].get_task("extract_events")
    monkeypatch.setitem(slow.op_kwargs, "limit", timedelta(milliseconds=100))
    run = run_dag("movie_recommender_pipeline", {"extract_events": {"wait_for": str(alerts.heard)}}, TO_SKIP)
    assert run.state == "success"
    assert run.attempts["extract_events"] == 1
    assert [message.partition(":")[0] for message in alerts.slack] == ["Slow", "Succeeded"]
    assert "task extract_events" in alerts.slack[0]
    assert not alerts.mails


def test_nothing_of_a_task_that_timed_out_goes_on(
    run_dag: Callable[..., Any], dags: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = dags["reco_pipeline"].get_task("run_etl_bronze_to_silver")
    monkeypatch.setattr(hanging, "execution_timeout", timedelta(seconds=2))
    monkeypatch.setattr(hanging, "retries", 0)
    with suppress(AirflowTaskTimeout):  # leaves dag.test() in Airflow 2, fails the task in 3
        run = run_dag("reco_pipeline", {"run_etl_bronze_to_silver": {"wait_for": "/nowhere"}})
        assert run.tasks_in("failed") == {"run_etl_bronze_to_silver"}
    (call,) = calls(home)
    assert is_gone(call["pid"])


def test_nothing_of_a_task_that_was_killed_goes_on(
    dags: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common.runner import run_reco

    (home / "scenario.json").write_text(json.dumps({"hangs": {"wait_for": "/nowhere"}}))
    (home / "calls.jsonl").write_text("")
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "hangs")
    monkeypatch.setenv("AIRFLOW_CTX_TRY_NUMBER", "1")
    task = SimpleNamespace()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            run_reco(select="silver/ratings", ti=SimpleNamespace(task=task), var={"value": {}}, conn={})
        except AirflowException as error:
            ended.append(error)

    running = Thread(target=run)
    running.start()
    deadline = time.monotonic() + 30
    while not calls(home) and time.monotonic() < deadline:
        time.sleep(0.01)
    task.on_kill()  # what Airflow calls when the task is killed
    running.join(30)
    assert "exit code -15" in str(ended[0])
    assert is_gone(calls(home)[0]["pid"])


def calls(home: Path) -> list[dict[str, Any]]:
    """What the platform was asked in the newest run, also when that did not come to an end."""
    return [json.loads(line) for line in (home / "calls.jsonl").read_text().splitlines()]


def is_gone(pid: int) -> bool:
    """Whether no process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
