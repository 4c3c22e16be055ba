"""`reco doctor` as a person runs it; what it looks at is tested in tests/monitoring."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Reco = Callable[..., "subprocess.CompletedProcess[str]"]


def test_without_a_problem_it_exits_with_0_and_repairs_what_is_not_there_yet(reco: Reco, tmp_path: Path) -> None:
    done = reco("doctor", "--repair")
    assert done.returncode == 0
    assert f"repaired: {tmp_path / 'lake'} was made" in done.stderr
    assert "versions" in done.stdout


def test_a_problem_is_named_with_its_fix_and_the_exit_code_is_1(reco: Reco, tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("no folder")
    done = reco("doctor", "--json", STREAMING_PATH=str(tmp_path / "landing"))
    assert done.returncode == 1
    (problem,) = (found for found in json.loads(done.stdout)["findings"] if found["status"] == "problem")
    assert problem["name"] == "streaming folder"
    assert problem["fix"]
