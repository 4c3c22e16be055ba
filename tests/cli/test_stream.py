"""`reco stream`, `drift` and `model` as a person runs them, on a lakehouse that the demo left behind."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]
Reco = Callable[..., Done]


@pytest.fixture(scope="module")
def lake(demo_lake: tuple[Path, Done], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's lakehouse; the tests of this module go through its life in order."""
    copy = tmp_path_factory.mktemp("stream") / "lake"
    shutil.copytree(demo_lake[0], copy, ignore=shutil.ignore_patterns("_dagster"))
    return copy


@pytest.fixture
def stream(run_reco: Callable[..., Done], lake: Path) -> Reco:
    """Run `reco ARGUMENTS` on that lakehouse."""

    def call(*arguments: str) -> Done:
        return run_reco([*arguments], {"LAKEHOUSE_PATH": str(lake)}, lake.parent)

    return call


def said(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_demo_says_what_the_sensors_made_of_either_file(demo_lake: tuple[Path, Done]) -> None:
    output = demo_lake[1].stdout
    assert demo_lake[1].returncode == 0, demo_lake[1].stderr
    assert "control.csv: drift score" in output
    assert ": no retraining. Report: " in output
    assert ": retraining. Report: " in output
    assert "Retrained: candidate " in output


def test_without_a_file_process_fails_with_one_clear_line(stream: Reco) -> None:
    done = stream("stream", "process")
    assert done.returncode == 1
    assert "No complete CSV file in" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_simulated_file_is_taken_in_scored_and_merged(stream: Reco, lake: Path) -> None:
    made = said(stream("stream", "simulate", "--users", "40", "--from", "history", "--seed", "99"))
    taken = said(stream("stream", "process", "--csv_path", made["path"], "--train_ratio", "0.8"))
    assert taken["good"] == taken["lines"] == made["rows"]
    assert not Path(made["path"]).exists()
    report = said(stream("stream", "detect_drift"))
    champion = json.loads((lake / "gold/models/als/champion.json").read_text())["version"]
    own_model = ("--model_path", str(lake / "gold/models/als" / champion))
    assert said(stream("stream", "detect_drift", *own_model)) == report
    assert list(report)[:4] == ["should_retrain", "drift_score", "data_drift", "model_drift"]
    merged = said(stream("stream", "merge"))
    assert merged["accepted_batches"] == 1
    assert said(stream("stream", "merge"))["silver/train_ratings"] == merged["silver/train_ratings"]


def test_the_documented_paths_are_read_and_written_as_given(
    run_python: Callable[..., Done], stream: Reco, lake: Path
) -> None:
    out, processed = lake.parent / "out", lake.parent / "processed"
    made = said(stream("stream", "simulate", "--users", "60", "--from", "history", "--seed", "7", "--name", "x.csv"))
    said(
        stream(
            "stream", "process", "--csv_path", made["path"], "--output_path", str(out), "--shuffle_partitions", "200"
        )
    )
    for side in ("train", "test"):
        (processed / side).mkdir(parents=True)
        shutil.copytree(lake / "silver" / f"{side}_ratings", processed / side, dirs_exist_ok=True)
    application = str(ROOT / "spark" / "apps" / "drift_detection.py")
    paths = [
        *("--original_train_path", str(processed / "train"), "--current_train_path", str(out / "train")),
        *("--original_test_path", str(processed / "test"), "--current_test_path", str(out / "test")),
    ]
    done = run_python([application, "detect_drift", *paths], {"LAKEHOUSE_PATH": str(lake)}, lake.parent)
    assert said(done)["data_drift"]["rows"]["current"] > 0
    arguments = ("stream", "merge", "--streaming_path", str(out), "--processed_path", str(processed))
    assert said(stream(*arguments))["train_rows_added"] > 0
    assert set(said(stream(*arguments)).values()) == {0}


def test_replay_shows_what_each_policy_would_have_done_with_windows_and_without(stream: Reco) -> None:
    done = stream("drift", "replay")
    assert done.returncode == 0, done.stderr
    assert "shifted.csv" in done.stdout
    for way in ("documented, windows", "documented, pool", "calibrated, windows", "calibrated, pool"):
        assert f"{way}: " in done.stdout


def test_a_rollback_and_a_promotion_change_what_serves(stream: Reco, lake: Path) -> None:
    def champion() -> str:
        return str(json.loads((lake / "gold/models/als/champion.json").read_text())["version"])

    versions = sorted(path.name for path in (lake / "gold/models/als").glob("2*"))
    for version in versions[:2]:
        assert stream("model", "promote", version).returncode == 0
    assert champion() == versions[1]
    done = stream("model", "rollback")
    assert done.returncode == 0, done.stderr
    assert champion() == versions[0]
    listed = said(stream("model", "list", "--json"))
    roles = {record["version"]: record["role"] for record in listed["versions"]}
    assert (roles[versions[0]], roles[versions[1]]) == ("champion", "previous")


def test_a_version_that_is_not_there_is_refused_in_one_line(stream: Reco) -> None:
    done = stream("model", "promote", "20000101_000000")
    assert done.returncode == 1
    assert "holds no version 20000101_000000. See which there are: reco model list." in done.stderr
