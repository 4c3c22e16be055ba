"""What ours does by its settings, and a peer has to do, too; `bench/run.py` writes it, the peers' scripts read it."""

import argparse
import json
from collections.abc import Sequence
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


def from_command_line(description: str, *folders: str) -> tuple[Asked, Sequence[Path]]:
    """What a script's command line names: what is asked, and the folders of these names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("asked", type=Path, help="what ours does, from bench/run.py")
    for folder in folders:
        parser.add_argument(folder, type=Path)
    arguments = vars(parser.parse_args())
    asked = Asked(**json.loads(arguments["asked"].read_text()))
    return asked, [arguments[folder] for folder in folders]
