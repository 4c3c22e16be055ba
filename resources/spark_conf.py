"""What a Spark session is configured with: locally, on a standalone cluster, or through Spark Connect."""

import os
from collections.abc import Mapping
from pathlib import Path

from resources.cores import usable_cores
from resources.object_storage.spark import log_store_jar, object_storage_conf
from resources.settings import Settings
from resources.spark_jars import JARS, KAFKA_JARS, S3_JARS, delta_jar_conf

DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
# A run on little data is over before most compiled code has paid for itself. So the JVM compiles thoroughly after ten
# times as many calls as by default, which a hot loop makes in a moment, and without G1's threads beside the work.
JAVA_OPTIONS = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
    "-XX:+UseParallelGC",
)


def session_conf(settings: Settings) -> Mapping[str, str]:
    """What a session on a cluster of others is told: all else is decided where that was started."""
    engine = settings.engine
    partitions = {"spark.sql.shuffle.partitions": str(engine.shuffle_partitions)} if engine.shuffle_partitions else {}
    return {"spark.sql.session.timeZone": "UTC", **partitions, **engine.conf}


def spark_conf(settings: Settings) -> Mapping[str, str]:
    """The configuration of a local or standalone Spark session with Delta Lake.

    Third MERGE on 2 cores: 15.8 s with Spark's defaults, 3.4 s with the partition settings below.
    """
    engine = settings.engine
    conf = {
        "spark.app.name": "reco-assets",
        "spark.log.level": "ERROR",
        "spark.sql.extensions": DELTA_EXTENSION,
        "spark.sql.catalog.spark_catalog": DELTA_CATALOG,
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(settings.storage.cache / "spark-warehouse"),
        "spark.checkpoint.dir": str(_checkpoints(settings)),
        "spark.ui.enabled": "false" if engine.is_local else "true",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **_partitions(settings),
        **_jars(settings),
    }
    if engine.is_on_loopback:
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # under spark-submit the command line decides these
        conf["spark.master"] = engine.master or "local[*]"
        conf["spark.driver.memory"] = engine.driver_memory
        conf["spark.driver.defaultJavaOptions"] = " ".join(JAVA_OPTIONS)
        conf |= _share_of_a_cluster(settings)
    return conf | dict(engine.conf)


def _jars(settings: Settings) -> Mapping[str, str]:
    cache, there = settings.storage.cache, settings.storage.tables_uri is not None
    kafka = KAFKA_JARS if settings.events.bootstrap_servers else ()
    conf = delta_jar_conf(cache, (*JARS, *kafka, *(S3_JARS if there else ())))
    if not there:
        return conf
    files = [conf["spark.jars"]] if "spark.jars" in conf else []
    return {**conf, "spark.jars": ",".join([*files, str(log_store_jar(cache))]), **object_storage_conf(os.environ)}


def _partitions(settings: Settings) -> Mapping[str, str]:
    """Twice as many as cores; where nobody says how many a cluster has, Spark's 200, which it merges where small."""
    engine = settings.engine
    cores = usable_cores() if engine.is_local else engine.cores_max
    partitions = engine.shuffle_partitions or (2 * cores if cores else None)
    return {"spark.sql.shuffle.partitions": str(partitions)} if partitions else {}


def _share_of_a_cluster(settings: Settings) -> Mapping[str, str]:
    engine = settings.engine
    asked = {
        "spark.executor.memory": engine.executor_memory,
        "spark.executor.cores": engine.executor_cores,
        "spark.cores.max": engine.cores_max,
        "spark.dynamicAllocation.enabled": "true" if engine.dynamic_allocation == "on" else None,
    }
    return {name: str(value) for name, value in asked.items() if value is not None}


def _checkpoints(settings: Settings) -> Path:
    """Where MLlib keeps what it is half done with; of a cluster the lakehouse is what each machine sees."""
    if settings.engine.is_local:
        return settings.storage.cache / "spark-checkpoints"
    return settings.storage.root / "_spark" / "checkpoints"
