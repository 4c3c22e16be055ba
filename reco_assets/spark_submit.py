"""The spark-submit command for an application file of the platform."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pyspark

from resources.session import spark_conf
from resources.settings import Settings


def build_spark_submit_command(settings: Settings, application: Path, arguments: Sequence[str] = ()) -> str:
    """A command that works when pasted into a shell with the same environment.

    Everything a session needs is on the command line, because the JVM is started before any Python runs.
    """
    conf = {
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        **spark_conf(settings),
        "spark.master": settings.spark_master or "local[*]",
        "spark.driver.memory": settings.spark_driver_memory,
    }
    home = Path(pyspark.__file__).parent  # this copy's scripts find themselves only by SPARK_HOME
    options = [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    submit = shlex.join([str(home / "bin" / "spark-submit"), *options, str(application), *arguments])
    return f"SPARK_HOME={shlex.quote(str(home))} {submit}"
