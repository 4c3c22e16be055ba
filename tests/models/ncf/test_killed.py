"""kill -9 in a training, and the same training again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.spark_environment]

TRAIN = """
import hashlib, os, signal, sys
from pathlib import Path
import numpy as np
from reco_assets.models.training_data import TrainingData
from reco_assets.models.ncf import family
from reco_assets.models.ncf.data import Brought
from reco_assets.models.ncf.lessons import Catalogue
from reco_assets.models.ratings import Ratings
from resources.settings import load_settings

folder, killed_after = Path(sys.argv[1]), int(sys.argv[2])
user, movie = np.nonzero(np.random.default_rng(0).random((30, 40)) < 0.3)
ratings = Ratings(user.astype(np.int32), movie.astype(np.int32), np.full(len(user), 5.0, np.float32))
brought = Brought(lambda: Catalogue.without_features(np.arange(40)), folder)
config = family.configure(load_settings(ncf_factors=4, ncf_max_epochs=4))
if killed_after:
    from reco_assets.models.ncf import checkpoints
    write, written = checkpoints.Checkpoints.write, []

    def write_and_die(self, reached, leaves):
        write(self, reached, leaves)
        written.append(reached)
        if len(written) == killed_after:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.Checkpoints.write = write_and_die
model = family.fit_own(TrainingData(ratings, {}, "", moment=np.arange(len(user)), own=brought), config, None).model
print(hashlib.sha256(model.users.joined.tobytes() + model.movies.joined.tobytes()).hexdigest())
"""


def train(folder: Path, killed_after: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TRAIN, str(folder), str(killed_after)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ})


def test_a_training_that_was_killed_goes_on_where_it_was_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    killed = train(tmp_path / "killed", killed_after=2)
    assert killed.returncode == -signal.SIGKILL
    resumed = train(tmp_path / "killed")
    assert len(whole.stdout) > 60, whole.stderr
    assert resumed.stdout == whole.stdout
    assert "epoch 1 of 4: search" in whole.stderr
    assert "epoch 1 of 4: search" not in resumed.stderr
