# Exported by `reco airflow export`.
"""The JARs of Delta Lake, Spark's Kafka source and S3A, resolved once by Spark itself, from then on passed as files.

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
# Of the AWS SDK for which Spark's Hadoop was built: modules of 12 MB, and not its bundle of 600.
_SDK = (
    *("annotations", "apache-client", "arns", "auth", "aws-core", "aws-query-protocol", "aws-xml-protocol"),
    *("checksums", "checksums-spi", "crt-core", "endpoints-spi", "http-auth", "http-auth-aws"),
    *("http-auth-aws-eventstream", "http-auth-spi", "http-client-spi", "identity-spi", "json-utils", "metrics-spi"),
    *("netty-nio-client", "profiles", "protocol-core", "regions", "retries", "retries-spi", "s3"),
    *("s3-transfer-manager", "sdk-core", "sts", "third-party-jackson-core", "utils", "utils-lite"),
)
S3_JARS = (
    "org.apache.hadoop:hadoop-aws:3.5.0",
    "org.reactivestreams:reactive-streams:1.0.4",
    "software.amazon.eventstream:eventstream:1.0.1",
    "software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:1.3.1",
    *(f"software.amazon.awssdk:{module}:2.35.4" for module in _SDK),
)

# Not org.*: a pattern that fits what is asked for would exclude that too.
_EXCLUDES = (
    "at.*:*",
    "com.*:*",
    "commons-*:*",
    "org.apache.hadoop:hadoop-c*",
    "org.apache.hadoop.*:*",
    "org.apache.httpcomponents:*",
    "org.apache.logging*:*",
    "org.apache.parquet*:*",
    "org.apache.spark:spark-tags*",
    "org.l*:*",
    "org.ro*:*",
    "org.s*:*",
    "org.w*:*",
    "org.x*:*",
    "io.airlift:*",
    "io.netty:*",
    "io.unitycatalog:*",
    "io.delta:delta-kernel*",
    "jakarta*:*",
    "javax*:*",
    "software.amazon.awssdk:bundle",
    "software.amazon.awssdk.crt:*",
)


def delta_jar_files(cache: Path, coordinates: Sequence[str] = JARS) -> list[Path]:
    """Paths these JARs have in the cache, whether they are there or not."""
    names = (coordinate.split(":") for coordinate in coordinates)
    return [cache / "ivy" / "jars" / f"{group}_{artifact}-{version}.jar" for group, artifact, version in names]


def delta_jar_conf(cache: Path, coordinates: Sequence[str] = JARS) -> Mapping[str, str]:
    """Spark configuration that puts these JARs on the class path: files if cached, else a first resolution."""
    jars = delta_jar_files(cache, coordinates)
    if all(jar.is_file() for jar in jars):
        return {"spark.jars": ",".join(str(jar) for jar in jars)}
    return package_conf(cache, coordinates)


def package_conf(cache: Path, coordinates: Sequence[str]) -> Mapping[str, str]:
    """Spark configuration that resolves these JARs alone, without what they depend on, into the cache."""
    return {
        "spark.jars.packages": ",".join(coordinates),
        "spark.jars.excludes": ",".join(_EXCLUDES),
        "spark.jars.ivy": str(cache / "ivy"),
    }
