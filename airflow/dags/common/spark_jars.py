# Exported by `reco airflow export`.
"""The JARs of Delta Lake and of Spark's Kafka source, resolved once by Spark itself and from then on passed as files.

pyproject.toml pins the delta-spark and pyspark that they belong to; a test compares.

Given as `spark.jars.packages` the two of Delta would bring 33 more, older Hadoop and Jackson among them; all of those
are excluded because Spark's own distribution has what Delta needs, and so are those that the Kafka source would bring
beside what is named here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

DELTA_SPARK = "io.delta:delta-spark_4.2_2.13:4.4.0"  # for Spark 4.2, whose Scala is 2.13
DELTA_STORAGE = "io.delta:delta-storage:4.4.0"
JARS = (DELTA_SPARK, DELTA_STORAGE)
KAFKA_JARS = (
    "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",
    "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.2.0",
    "org.apache.kafka:kafka-clients:3.9.2",
    "org.apache.commons:commons-pool2:2.13.1",
)

# Not org.*: a pattern that fits what is asked for would exclude that too.
_EXCLUDES = (
    "at.*:*",
    "com.*:*",
    "commons-*:*",
    "org.apache.hadoop*:*",
    "org.apache.logging*:*",
    "org.apache.parquet*:*",
    "org.apache.spark:spark-tags*",
    "org.l*:*",
    "org.r*:*",
    "org.s*:*",
    "org.x*:*",
    "io.airlift:*",
    "io.unitycatalog:*",
    "io.delta:delta-kernel*",
    "jakarta*:*",
    "javax*:*",
)


def delta_jar_files(cache: Path, coordinates: Sequence[str] = JARS) -> list[Path]:
    """Paths the two JARs have in the cache, whether they are there or not."""
    names = (coordinate.split(":") for coordinate in coordinates)
    return [cache / "ivy" / "jars" / f"{group}_{artifact}-{version}.jar" for group, artifact, version in names]


def delta_jar_conf(cache: Path, coordinates: Sequence[str] = JARS) -> Mapping[str, str]:
    """Spark configuration that puts Delta Lake on the class path: files if cached, else a first resolution."""
    jars = delta_jar_files(cache, coordinates)
    if all(jar.is_file() for jar in jars):
        return {"spark.jars": ",".join(str(jar) for jar in jars)}
    return {
        "spark.jars.packages": ",".join(coordinates),
        "spark.jars.excludes": ",".join(_EXCLUDES),
        "spark.jars.ivy": str(cache / "ivy"),
    }
