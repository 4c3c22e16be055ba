"""Where a training stood after its last whole epoch, so that one that was killed goes on from there.

The last one of a training that is done stays: whatever happens to its version before that is saved, training again
takes no time. It goes when a later training sweeps.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from resources.files import staged

SUFFIX = ".npz"
SEARCH, FINAL = "search", "final"
DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Reached:
    """How far a training is.

    Attributes:
        stage: search while the number of epochs is looked for, then final.
        epochs: Epochs of this stage that are done.
        best_epochs: After how many epochs of the search the validation slice was ranked best.
        best_ndcg: How well it was ranked then.
    """

    stage: str
    epochs: int = 0
    best_epochs: int = 0
    best_ndcg: float = -1.0

    def after(self, ndcg: float) -> "Reached":
        """One more epoch of the search, which ranked the validation slice so well."""
        epochs = self.epochs + 1
        if ndcg > self.best_ndcg:
            return Reached(self.stage, epochs, epochs, ndcg)
        return replace(self, epochs=epochs)


@dataclass(frozen=True)
class Checkpoints:
    """One training's checkpoint below a folder; `training` names its configuration and all that it learns from."""

    folder: Path
    training: str

    def read(self) -> tuple[Reached, list[np.ndarray]] | None:
        """The last one, with the arrays of the state; None where this very training left none that is whole."""
        try:
            with np.load(self._path, allow_pickle=False) as kept:
                reached = Reached(**json.loads(str(kept["reached"])))
                return reached, [kept[str(at)] for at in range(len(kept.files) - 1)]
        except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile):
            return None

    def write(self, reached: Reached, leaves: list[np.ndarray]) -> None:
        """Replace it in one step: whoever is killed here leaves the one before."""
        arrays: dict[str, Any] = {str(at): leaf for at, leaf in enumerate(leaves)}
        with staged(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, reached=np.array(json.dumps(asdict(reached))), **arrays)

    def sweep(self) -> None:
        """Remove what other trainings left, and what was being written when one was killed.

        Only what is a day old: a training that is under way writes one each epoch, and none may take longer.
        """
        oldest = time.time() - DAY
        for left in (*self.folder.glob(f"*{SUFFIX}"), *self.folder.glob(f".*{SUFFIX}.*")):
            with suppress(FileNotFoundError):
                if left != self._path and left.stat().st_mtime < oldest:
                    left.unlink()

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.training}{SUFFIX}"
