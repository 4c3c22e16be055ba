# Exported by `reco airflow export`.
"""Commands that submit an application to Spark, as argument lists: nothing is quoted, as no shell reads them.

Standard library only: the Airflow export carries this file as `common/spark_utils.py`.
"""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath


def build_spark_submit_command(
    application: str | PathLike[str],
    arguments: Sequence[str] = (),
    conf: Mapping[str, str] | None = None,
    spark_submit: str | PathLike[str] = "spark-submit",
) -> list[str]:
    """`spark-submit --conf KEY=VALUE … application arguments…`; `spark_submit` is the program, by name or path."""
    options = [part for key, value in (conf or {}).items() for part in ("--conf", f"{key}={value}")]
    return [fspath(spark_submit), *options, fspath(application), *arguments]


def build_docker_spark_command(command: Sequence[str], container: str = "spark-master") -> list[str]:
    """A command as it is run inside of a container: `docker exec container command…`."""
    return ["docker", "exec", container, *command]
