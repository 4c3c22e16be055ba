"""Ours: the main job in one run of a fresh process; one JSON line."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "peers"))
from clock import stage

from reco_assets.build import build_definitions
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.runner.run import materialize_assets
from resources.settings import load_settings


def main() -> None:
    """Run it; imports are in the time of the process, not of the stage."""
    with stage("main job"):
        materialize_assets(build_definitions, load_settings(), RECO_PIPELINE.assets)


if __name__ == "__main__":
    main()
