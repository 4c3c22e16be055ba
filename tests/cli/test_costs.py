"""`reco costs`: as a person reads it in 80 columns, and as JSON."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reco_assets.ops.stage import Stage, Written
from reco_assets.ops.store import note_stages
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse

Reco = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def noted(tmp_path: Path) -> None:
    """Two trainings, and an intake of two files 40 days ago, in the lakehouse that `reco` works on."""
    now, model = datetime.now(UTC), "models/als_candidate"
    of_model = (Written(model, None, 10_000_000),)
    of_files = (Written("stream/ratings", 5_000, 60_000),)
    note_stages(
        Lakehouse.open(load_settings(lakehouse_path=tmp_path / "lake")),
        [
            Stage("r1", "j", model, now - timedelta(days=2), "failed", 9.0, 18.0, 700.0, of_model, "v1"),
            Stage("r2", "j", model, now, "succeeded", 4.0, 7.2, 800.0, of_model, "v2"),
            Stage(
                "r0", "j", "process_streaming_data", now - timedelta(days=40), "succeeded", 2.0, 1.0, 90.0,
                of_files, None, ("abc1", "abd2"), 2,
            ),
        ],
    )  # fmt: skip


@pytest.mark.usefixtures("noted")
def test_models_come_newest_first_and_no_line_is_wider_than_80_columns(reco: Reco) -> None:
    done = reco("costs", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Last 30 days: 13.0 s, 25.2 CPU s (stages: 2, runs: 2).")
    assert done.stdout.index("v2") < done.stdout.index("v1")
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.usefixtures("noted")
def test_a_price_makes_money_of_the_seconds_of_processors(reco: Reco) -> None:
    found = json.loads(reco("costs", "--model", "v2", "--json", COST_PER_CPU_HOUR="0.5").stdout)
    assert found["total"]["cost"] == pytest.approx(0.001)
    assert "cost" not in json.loads(reco("costs", "--model", "v2", "--json").stdout)["total"]


@pytest.mark.usefixtures("noted")
def test_a_batch_has_its_share_once_days_reach_back_to_it(reco: Reco) -> None:
    assert "No stage of batch abc is noted" in reco("costs", "--batch", "abc").stderr
    found = json.loads(reco("costs", "--batch", "abc", "--since", "60", "--json").stdout)
    assert (found["batch"], found["total"]["wall_seconds"]) == ("abc1", 1.0)


@pytest.mark.usefixtures("noted")
def test_two_questions_at_once_are_refused(reco: Reco) -> None:
    assert reco("costs", "--model", "v2", "--table", "stream/ratings").returncode == 2


def test_before_the_first_run_there_is_nothing_and_that_is_said(reco: Reco) -> None:
    done = reco("costs")
    assert done.returncode == 0
    assert "No run is noted yet" in done.stdout
