"""Ours: the main job stage by stage in one process, all or those named, one JSON line each."""

import sys
from pathlib import Path

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import BRONZE, EVALUATION, FUTURES, SERVING, SILVER, SPLIT, TRAINING
from reco_assets.runner.run import materialize_assets
from resources.settings import load_settings

sys.path.append(str(Path(__file__).parent / "peers"))
from clock import stage

STAGES = {
    "bronze": BRONZE,
    "silver": SILVER,
    "split": SPLIT,
    "futures": FUTURES,
    "train": TRAINING,
    "evaluate": EVALUATION,
    "serve": SERVING,
}


def main() -> None:
    """Run the stages in order; the engine's start is part of the first stage that needs it."""
    settings = load_settings()
    for name in sys.argv[1:] or STAGES:
        with stage(name):
            materialize_assets(build_definitions, settings, STAGES[name])


if __name__ == "__main__":
    main()
