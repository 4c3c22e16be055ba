"""`reco user forget` as a person runs it, before any model was trained."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Reco = Callable[..., "CompletedProcess[str]"]
FILE = "DATE,CUST_ID,MOVIE_ID,RATING\n2026-01-01,123456,1,1\n2026-01-01,8,2,1\n2026-01-01,7,3,1\n"


@pytest.fixture
def taken(take_in: Callable[[str, str], Reco]) -> Reco:
    """A lakehouse that took in a file of three users."""
    return take_in("one.csv", FILE)


def mentioned(lake: Path) -> list[Path]:
    return [file for file in lake.rglob("*") if file.is_file() and b"123456" in file.read_bytes()]


def test_users_are_forgotten_when_asked_for_and_not_by_a_dry_run_or_without_a_yes(taken: Reco, tmp_path: Path) -> None:
    planned = json.loads(taken("user", "forget", "123456", "--dry-run", "--json").stdout)
    assert sum(place["found"] for place in planned["places"] if place["unit"] == "rows") == 1
    refused = taken("user", "forget", "123456")
    assert (refused.returncode, "say --yes" in refused.stderr) == (1, True)
    assert mentioned(tmp_path / "lake")

    done = taken("user", "forget", "123456", "7", "404", "--yes")

    assert done.returncode == 0, done.stderr
    assert "tables, all versions (rows)" in done.stdout
    assert mentioned(tmp_path / "lake") == []
    (batch,) = json.loads(taken("stream", "list", "--json").stdout)["batches"]
    assert (batch["good"], batch["forgotten"]) == (1, 2)
    again = taken("user", "forget", "123456", "7", "404", "--yes", "--json")
    certificate = json.loads(again.stdout)
    assert (certificate["places"], certificate["verification"]["passed"]) == ([], True)
    assert len(certificate["users"]) == 3
    assert Path(again.stderr.split("Certificate: ")[1].strip()).is_file()


def test_a_run_that_is_interrupted_is_ended_by_the_next(
    reco: Reco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    waiting = tmp_path / "lake" / "streaming" / "one.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text(FILE, encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("reco_assets.forgetting.lines.left_lines", interrupted)
        assert reco("user", "forget", "123456", "--yes").returncode != 0
    assert waiting.read_text(encoding="utf-8") == FILE

    assert reco("user", "forget", "123456", "--yes").returncode == 0
    assert mentioned(tmp_path / "lake") == []


def test_what_is_no_id_is_one_clear_line(reco: Reco) -> None:
    done = reco("user", "forget", "somebody", "--yes")
    assert done.returncode == 1
    assert "'somebody' is no user's id" in done.stderr
    assert "Traceback" not in done.stderr
