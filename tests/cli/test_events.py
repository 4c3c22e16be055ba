"""`reco events` and the documents' door to it, as a person runs them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.kafka.clients import admin, answers
from resources.loopback import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
Reco = Callable[..., "subprocess.CompletedProcess[str]"]
FEW = ("--users", "5", "--movies", "20", "--seed", "3", "--days", "2", "--until", "2026-03-01")


def test_what_is_generated_again_is_the_same_and_counts_once(reco: Reco, tmp_path: Path) -> None:
    first, again, taken = reco("events", "generate", *FEW), reco("events", "generate", *FEW), reco("events", "extract")
    assert first.returncode == again.returncode == taken.returncode == 0, first.stderr + again.stderr + taken.stderr
    said = json.loads(first.stdout)
    assert json.loads(again.stdout) == said
    assert said["to"] == f"{tmp_path}/lake/events/files"
    assert (said["first_day"], said["end_day"]) == ("2026-02-27", "2026-03-01")
    found = json.loads(taken.stdout)
    assert found["events"] == found["duplicates"] == said["events"] == sum(said["topics"].values())


def test_the_documents_door_hands_over_what_it_sent_and_refuses_other_words(run_python: Reco, tmp_path: Path) -> None:
    variables = {"LAKEHOUSE_PATH": str(tmp_path / "lake"), "SYNTHETIC_USERS": "5", "SYNTHETIC_MOVIES": "20"}
    done = run_python([str(ROOT / "sim" / "generate.py"), "generate-all"], variables, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["assets"]["events/simulated"]["events"] > 0
    refused = run_python([str(ROOT / "sim" / "generate.py"), "generate-some"], variables, tmp_path)
    assert refused.returncode == 2
    assert "choose from generate-all" in refused.stderr.replace("'", "")


def test_stream_takes_what_comes_until_it_is_told_to_stop(reco: Reco, tmp_path: Path) -> None:
    sent = json.loads(reco("events", "generate", *FEW).stdout)
    command = [sys.executable, "-m", "reco_assets.cli", "events", "stream"]
    environment = os.environ | {"LAKEHOUSE_PATH": str(tmp_path / "lake")}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        assert process.stderr is not None
        while "messages:" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert json.loads(said)["events"] == sent["events"]


def test_serve_broker_runs_until_it_is_told_to_stop(broker_jars: Path, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "reco_assets.cli", "events", "serve-broker", "--port", str(port)]
    environment = os.environ | {"LAKEHOUSE_PATH": str(tmp_path)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        told = process.stdout.readline()
        assert told == f"export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:{port}\n", process.stderr.read()
        assert admin(f"127.0.0.1:{port}").list_topics(timeout=10).brokers
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert not answers(f"127.0.0.1:{port}", seconds=0.5)
