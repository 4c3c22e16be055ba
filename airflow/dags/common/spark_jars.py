# Exported by `reco airflow export`.
"""Delta Lake's two JARs, resolved once by Spark itself and from then on passed as files.

Given as `spark.jars.packages` the two would bring 33 more, older Hadoop and Jackson among them; all of those
are excluded because Spark's own distribution has what Delta needs.
"""

from collections.abc import Mapping
from pathlib import Path

DELTA_SPARK = "io.delta:delta-spark_4.2_2.13:4.4.0"
DELTA_STORAGE = "io.delta:delta-storage:4.4.0"

_EXCLUDES = (
    "com.*:*",
    "org.*:*",
    "io.airlift:*",
    "io.unitycatalog:*",
    "io.delta:delta-kernel*",
    "jakarta*:*",
    "javax*:*",
)


def delta_jar_files(cache: Path) -> list[Path]:
    """Paths the two JARs have in the cache, whether they are there or not."""
    names = (coordinate.split(":") for coordinate in (DELTA_SPARK, DELTA_STORAGE))
    return [cache / "ivy" / "jars" / f"{group}_{artifact}-{version}.jar" for group, artifact, version in names]


def delta_jar_conf(cache: Path) -> Mapping[str, str]:
    """Spark configuration that puts Delta Lake on the class path: files if cached, else a first resolution."""
    jars = delta_jar_files(cache)
    if all(jar.is_file() for jar in jars):
        return {"spark.jars": ",".join(str(jar) for jar in jars)}
    return {
        "spark.jars.packages": f"{DELTA_SPARK},{DELTA_STORAGE}",
        "spark.jars.excludes": ",".join(_EXCLUDES),
        "spark.jars.ivy": str(cache / "ivy"),
    }
