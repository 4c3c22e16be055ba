"""What ours does by its settings, and a peer has to do, too; `bench/run.py` writes it, the peers' scripts read it."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """Shares of the split, hyperparameters of the ranking part, lengths of lists, cores; thresholds in stars."""

    rank: int
    iterations: int
    regularization: float
    alpha: float
    seed: int
    liked_from: float
    relevant_from: float
    listed: int
    test: float
    future: float
    policy: str
    cores: int
    driver_memory: str


def read_asked(path: Path) -> Asked:
    """Read what `bench/run.py` wrote."""
    return Asked(**json.loads(path.read_text()))
