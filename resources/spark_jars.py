"""Delta Lake's two JARs, resolved once by Spark itself and from then on passed as files.

Which ones is said by the installed delta-spark and pyspark, so that there is one pin of each.

Given as `spark.jars.packages` the two would bring 33 more, older Hadoop and Jackson among them; all of those
are excluded because Spark's own distribution has what Delta needs.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SCALA = "2.13"  # of every pyspark 4; delta-spark's own helper has it as a constant too


def _installed(package: str) -> str:
    """A package's version; empty where it is not installed, as in Airflow's environment: the DAGs name the JARs."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


_DELTA, _SPARK = _installed("delta-spark"), ".".join(_installed("pyspark").split(".")[:2])
DELTA_SPARK = f"io.delta:delta-spark_{_SPARK}_{SCALA}:{_DELTA}"
DELTA_STORAGE = f"io.delta:delta-storage:{_DELTA}"
INSTALLED = (DELTA_SPARK, DELTA_STORAGE)

_EXCLUDES = (
    "com.*:*",
    "org.*:*",
    "io.airlift:*",
    "io.unitycatalog:*",
    "io.delta:delta-kernel*",
    "jakarta*:*",
    "javax*:*",
)


def delta_jar_files(cache: Path, coordinates: Sequence[str] = INSTALLED) -> list[Path]:
    """Paths the two JARs have in the cache, whether they are there or not."""
    names = (coordinate.split(":") for coordinate in coordinates)
    return [cache / "ivy" / "jars" / f"{group}_{artifact}-{version}.jar" for group, artifact, version in names]


def delta_jar_conf(cache: Path, coordinates: Sequence[str] = INSTALLED) -> Mapping[str, str]:
    """Spark configuration that puts Delta Lake on the class path: files if cached, else a first resolution."""
    jars = delta_jar_files(cache, coordinates)
    if all(jar.is_file() for jar in jars):
        return {"spark.jars": ",".join(str(jar) for jar in jars)}
    return {
        "spark.jars.packages": ",".join(coordinates),
        "spark.jars.excludes": ",".join(_EXCLUDES),
        "spark.jars.ivy": str(cache / "ivy"),
    }
