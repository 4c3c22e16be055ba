"""kill -9 while the neural model is trained: nothing of it serves, and the next training goes on where it stood."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reco_assets.build import build_definitions
from reco_assets.features.run import STORE
from reco_assets.models.families import family_named
from reco_assets.models.training import Run, train_candidate
from reco_assets.models.versions.checksums import checksums
from reco_assets.models.versions.store import model_store
from reco_assets.pipelines.selections import ETL
from reco_assets.runner.run import materialize_assets
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

pytestmark = [pytest.mark.slow, pytest.mark.spark_environment]

SECONDS = 240
SMALL = {
    "RECO_SOURCE": "synthetic",
    "SYNTHETIC_USERS": "100",
    "SYNTHETIC_MOVIES": "200",
    "SYNTHETIC_RATINGS": "5000",
    "NCF_FACTORS": "8",
    "NCF_MAX_EPOCHS": "40",
    "NCF_PATIENCE": "40",
    "RECO_ENGINE": "embedded",
}
TRAIN = [sys.executable, "-m", "reco_assets.cli", "run", "--select", "models/ncf_candidate"]
FORCED = json.dumps({"models__ncf_candidate": {"force": True}})


def train(environment: Mapping[str, str], cwd: Path, kill_at: str = "") -> tuple[int, str]:
    """Train by command, and kill it as soon as it says so; its exit code and what it said."""
    process = subprocess.Popen(
        [*TRAIN, "--config", FORCED],
        env={**environment, "PYTHONUNBUFFERED": "1"},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if kill_at and kill_at in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.communicate(timeout=SECONDS)
    return process.returncode, told


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lakehouse with a feature store."""
    small = {name.lower(): value for name, value in SMALL.items()}
    made = load_settings(lakehouse_path=tmp_path / "lake", **small)
    materialize_assets(build_definitions, made, (*ETL, STORE))
    return made


def test_a_killed_training_leaves_no_version_and_the_next_one_ends_as_if_nothing_had_been(
    settings: Settings, tmp_path: Path
) -> None:
    family = family_named("ncf")
    store = model_store(settings, family)
    # All of this process's own: what BLAS is told by it changes the last bits.
    environment = {**os.environ, **SMALL, "LAKEHOUSE_PATH": str(settings.storage.root)}

    code, told = train(environment, tmp_path, kill_at="epoch 3 of")
    assert code == -signal.SIGKILL, told
    assert store.versions() == []
    assert store.champion() is None

    code, told = train(environment, tmp_path)
    assert code == 0, told
    assert "epoch 1 of 40: search" not in told
    (resumed,) = store.versions()

    lakehouse = Lakehouse.open(settings)
    whole = train_candidate(family, lakehouse, MlflowTracking(settings, "reco_ncf"), Run("", 0, print)).version
    files = [checksums(store.path(version)) for version in (resumed, whole)]
    for each in files:
        for named_and_dated in ("model.json", "MLmodel"):
            each.pop(named_and_dated)
    assert files[0] == files[1]
