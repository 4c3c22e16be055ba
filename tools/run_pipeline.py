"""The documented door: `etl` and `train` print their command, or run here with RUN_LOCAL=1.

The command is the documented one for a container where the compose file is there; with --local, one for this machine.
"""

import os
import shlex
import sys
from pathlib import Path

from reco_assets.cli.main import main

REPO = Path(__file__).resolve().parents[1]
COMPOSE = REPO / "docker-compose.yml"
JOBS = REPO / "spark" / "jobs"
APPLICATIONS = {"etl": JOBS / "etl_bronze_to_silver.py", "train": JOBS / "train_als_and_generate_recos.py"}
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
USAGE = "usage: [RUN_LOCAL=1] python tools/run_pipeline.py etl|train|validate [--local]"
LOCAL = "--local"
# Of docker-compose.yml: the service, where its jobs lie, and its master.
SERVICE, SERVICE_JOBS, MASTER = "spark-master", "/opt/spark/jobs", "spark://spark-master:7077"
DELTA_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}


def run(step: str, local: bool) -> None:
    """Run a step in this process, or print how to submit it: on this machine where `local`, else in the container."""
    if step == "validate" or is_local(os.environ.get("RUN_LOCAL", "")):
        main([step])
    else:
        in_container = COMPOSE.is_file() and not local
        print(container_line(APPLICATIONS[step].name) if in_container else submit_line(APPLICATIONS[step]))


def container_line(application: str) -> str:
    """The documented command, `docker-compose exec spark-master spark-submit …`."""
    from reco_assets.spark_submit import build_spark_submit_command
    from resources.spark_jars import delta_jar_conf

    jars = delta_jar_conf(Path("a cache without them"))
    options = {
        "--master": MASTER,
        "--packages": jars["spark.jars.packages"],
        "--exclude-packages": jars["spark.jars.excludes"],
    }
    submit, *rest = build_spark_submit_command(f"{SERVICE_JOBS}/{application}", conf=DELTA_CONF)
    given = [part for option in options.items() for part in option]
    return shlex.join(["docker-compose", "exec", SERVICE, submit, *given, *rest])


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
    from resources.engine import EngineError, require_spark
    from resources.object_storage.spark import make_log_store
    from resources.settings import load_settings
    from resources.spark_conf import spark_conf

    try:
        require_spark()
    except EngineError as error:
        sys.exit(f"error: {error}")
    settings = load_settings()
    if settings.storage.tables_uri:
        make_log_store(settings.storage.cache)
    conf = {
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        **spark_conf(settings),
        "spark.master": settings.engine.master or "local[*]",
        "spark.driver.memory": settings.engine.driver_memory,
    }
    home = Path(pyspark.__file__).parent  # this copy's scripts find themselves only by SPARK_HOME
    command = build_spark_submit_command(application, conf=conf, spark_submit=home / "bin" / "spark-submit")
    return f"SPARK_HOME={shlex.quote(str(home))} {shlex.join(command)}"


if __name__ == "__main__":
    steps = [argument for argument in sys.argv[1:] if argument != LOCAL]
    if len(steps) != 1 or steps[0] not in (*APPLICATIONS, "validate"):
        sys.exit(USAGE)
    run(steps[0], local=LOCAL in sys.argv)
