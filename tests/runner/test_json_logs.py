"""Log lines as JSON: each line of a run says which run, and those of batches say which batches."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.text.json_lines import JsonLines, of_batches

HEADER = "DATE,CUST_ID,MOVIE_ID,RATING"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a lakehouse with one file in its streaming folder."""
    landing = tmp_path / "lake" / "streaming"
    landing.mkdir(parents=True)
    (landing / "new.csv").write_text(f"{HEADER}\n2024-01-02,1,2,4.0\n")
    (tmp_path / "home").mkdir()
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path / "home")
    variables = {"LAKEHOUSE_PATH": str(tmp_path / "lake"), "DAGSTER_HOME": str(tmp_path / "home")}
    return os.environ | variables | {"RECO_LOG_FORMAT": "json", "INTAKE_QUIET_SECONDS": "0", "RECO_ENGINE": "embedded"}


def ran(environment: dict[str, str], *arguments: str) -> tuple[str, list[dict[str, Any]]]:
    """What a command wrote on standard output, and the objects on standard error."""
    command = [sys.executable, "-W", "ignore", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, [json.loads(line) for line in done.stderr.splitlines()]


def batches_taken_in(lines: list[dict[str, Any]]) -> list[str]:
    """The batches that the step of the intake names."""
    (named,) = [line["batch"] for line in lines if "batch" in line and line["step"] == "process_streaming_data"]
    return list(named)


@pytest.mark.slow
def test_reco_run_writes_objects_that_name_the_run_and_its_batches(environment: dict[str, str]) -> None:
    said, (first, *lines) = ran(environment, "-m", "reco_assets.cli", "run", "--select", "stream/ratings,drift/report")
    assert first["message"].startswith("source: ")
    assert {line["run_id"] for line in lines} == {json.loads(said)["run_id"]}
    assert all({"timestamp", "level", "logger", "message", "job"} <= line.keys() for line in lines)
    assert {"stream/ratings", "drift/report"} <= {line.get("asset") for line in lines}
    assert len(batches_taken_in(lines)) == 1


@pytest.mark.slow
def test_a_job_of_dagsters_own_command_writes_objects(environment: dict[str, str]) -> None:
    _, lines = ran(
        environment, "-m", "dagster", "job", "execute", "-m", "reco_assets.definitions", "-j", "stream_intake"
    )
    assert {line["job"] for line in lines} == {"stream_intake"}
    assert len({line["run_id"] for line in lines}) == 1
    assert len(batches_taken_in(lines)) == 1


def test_a_sensor_writes_objects(environment: dict[str, str]) -> None:
    script = (
        "import dagster as dg; from resources.orchestrator.json_logs import log_as; log_as('json'); "
        "dg.build_sensor_context(sensor_name='landing_sensor', repository_name='reco').log.info('seen')"
    )
    _, (line,) = ran(environment, "-c", script)
    assert (line["level"], line["message"]) == ("INFO", "seen")


def test_a_line_break_in_a_message_does_not_break_the_line() -> None:
    record = logging.makeLogRecord({"msg": "one\ntwo", "levelname": "INFO", "name": "reco", **of_batches(["b1"])})
    (line,) = JsonLines().format(record).splitlines()
    assert json.loads(line).items() >= {"message": "one\ntwo", "logger": "reco", "batch": ["b1"]}.items()


def test_an_error_is_told_with_its_trace() -> None:
    try:
        raise dg.Failure("broken")
    except dg.Failure:
        record = logging.LogRecord("reco", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    assert "broken" in json.loads(JsonLines().format(record))["error"]
