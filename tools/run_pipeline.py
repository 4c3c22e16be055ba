"""The documented door: `etl` and `train` print their spark-submit command, or run here with RUN_LOCAL=1."""

import os
import sys
from pathlib import Path

from reco_assets.cli.main import main

JOBS = Path(__file__).resolve().parents[1] / "spark" / "jobs"
APPLICATIONS = {"etl": JOBS / "etl_bronze_to_silver.py", "train": JOBS / "train_als_and_generate_recos.py"}
USAGE = "usage: [RUN_LOCAL=1] python tools/run_pipeline.py etl|train|validate"


def run(step: str) -> None:
    """Run a step in this process, or print how to submit it."""
    if step == "validate" or os.environ.get("RUN_LOCAL") == "1":
        main([step])
        return
    from reco_assets.spark_submit import build_spark_submit_command
    from resources.settings import load_settings

    print(build_spark_submit_command(load_settings(), APPLICATIONS[step]))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in (*APPLICATIONS, "validate"):
        sys.exit(USAGE)
    run(sys.argv[1])
