"""Where a training goes on."""

import os
from pathlib import Path

import numpy as np
import pytest

from reco_assets.models.ncf.checkpoints import FINAL, SEARCH, Checkpoints, Reached

REACHED = Reached(SEARCH, epochs=3, best_epochs=2, best_ndcg=0.25)
ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int32)]


def test_a_training_reads_what_it_wrote_bit_for_bit(tmp_path: Path) -> None:
    Checkpoints(tmp_path, "mine").write(REACHED, ARRAYS)
    found = Checkpoints(tmp_path, "mine").read()
    assert found is not None
    assert found[0] == REACHED
    assert [(leaf.dtype, leaf.tolist()) for leaf in found[1]] == [(leaf.dtype, leaf.tolist()) for leaf in ARRAYS]


def test_another_training_starts_from_the_beginning(tmp_path: Path) -> None:
    Checkpoints(tmp_path, "mine").write(REACHED, ARRAYS)
    assert Checkpoints(tmp_path, "other").read() is None


@pytest.mark.parametrize("left", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_what_is_no_whole_checkpoint_counts_as_none(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "mine.npz").write_bytes(left)
    assert Checkpoints(tmp_path, "mine").read() is None


def test_a_write_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path, "mine")
    checkpoints.write(REACHED, ARRAYS)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        checkpoints.write(Reached(FINAL), ARRAYS)
    found = checkpoints.read()
    assert found is not None
    assert found[0] == REACHED
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


def test_a_sweep_takes_what_kills_left_and_nothing_of_trainings_under_way(tmp_path: Path) -> None:
    old, new = ("mine.npz", ".other.npz.0f3a", "older.npz"), (".mine.npz.1b2c", "beside.npz")
    for name in (*old, *new):
        (tmp_path / name).touch()
    for name in old:
        os.utime(tmp_path / name, (0, 0))
    Checkpoints(tmp_path, "mine").sweep()
    assert {path.name for path in tmp_path.iterdir()} == {"mine.npz", *new}


def test_the_best_epoch_is_the_first_that_ranked_best() -> None:
    reached = Reached(SEARCH)
    for ndcg in (0.1, 0.3, 0.3, 0.2):
        reached = reached.after(ndcg)
    assert reached == Reached(SEARCH, epochs=4, best_epochs=2, best_ndcg=0.3)
