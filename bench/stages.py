"""The main job stage by stage in one process, one JSON line each: stage, seconds, rows of ratings."""

import json
import time

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import BRONZE, EVALUATION, FUTURES, SERVING, SILVER, SPLIT, TRAINING
from reco_assets.runner.run import materialize_assets
from resources.settings import load_settings

STAGES = {
    "bronze": BRONZE,
    "silver": SILVER,
    "split": (*SPLIT, *FUTURES),
    "train": TRAINING,
    "evaluate": EVALUATION,
    "serve": SERVING,
}


def main() -> None:
    """Run the stages in order; the engine's start is part of the first stage that needs it."""
    settings = load_settings()
    rows = 0
    for stage, assets in STAGES.items():
        started = time.monotonic()
        outcome = materialize_assets(build_definitions, settings, assets)
        seconds = time.monotonic() - started
        rows = rows or int(outcome.metadata["bronze/ratings"]["dagster/row_count"])
        print(json.dumps({"stage": stage, "seconds": seconds, "rows": rows}), flush=True)


if __name__ == "__main__":
    main()
