"""The documented door: `etl` and `train` print their spark-submit command, or run here with RUN_LOCAL=1."""

import os
import shlex
import sys
from pathlib import Path

from reco_assets.cli.main import main

JOBS = Path(__file__).resolve().parents[1] / "spark" / "jobs"
APPLICATIONS = {"etl": JOBS / "etl_bronze_to_silver.py", "train": JOBS / "train_als_and_generate_recos.py"}
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
USAGE = "usage: [RUN_LOCAL=1] python tools/run_pipeline.py etl|train|validate"


def run(step: str) -> None:
    """Run a step in this process, or print how to submit it."""
    if step == "validate" or is_local(os.environ.get("RUN_LOCAL", "")):
        main([step])
    else:
        print(submit_line(APPLICATIONS[step]))


def is_local(value: str) -> bool:
    """What RUN_LOCAL says: any of the usual words for yes or no."""
    if value.strip().lower() not in (*YES, *NO):
        sys.exit(f"error: RUN_LOCAL={value!r} is not allowed: it must be one of {', '.join((*YES, *NO[1:]))}.")
    return value.strip().lower() in YES


def submit_line(application: Path) -> str:
    """A command that works when pasted into a shell with the same environment.

    Everything a session needs is on the command line, because the JVM is started before any Python runs.
    """
    import pyspark

    from reco_assets.spark_submit import build_spark_submit_command
    from resources.session import spark_conf
    from resources.settings import load_settings

    settings = load_settings()
    conf = {
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        **spark_conf(settings),
        "spark.master": settings.spark_master or "local[*]",
        "spark.driver.memory": settings.spark_driver_memory,
    }
    home = Path(pyspark.__file__).parent  # this copy's scripts find themselves only by SPARK_HOME
    command = build_spark_submit_command(application, conf=conf, spark_submit=home / "bin" / "spark-submit")
    return f"SPARK_HOME={shlex.quote(str(home))} {shlex.join(command)}"


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in (*APPLICATIONS, "validate"):
        sys.exit(USAGE)
    run(sys.argv[1])
