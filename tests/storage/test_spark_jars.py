"""Delta Lake's two JARs, Kafka's and those for S3: files once they are cached, packages before."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from resources.object_storage.spark import log_store_jar
from resources.settings import load_settings
from resources.spark_conf import spark_conf
from resources.spark_jars import (
    DELTA_SPARK,
    DELTA_STORAGE,
    JARS,
    KAFKA_JARS,
    S3_JARS,
    delta_jar_conf,
    delta_jar_files,
)

ROOT = Path(__file__).resolve().parents[2]


def _fill(cache: Path, count: int) -> list[Path]:
    files = delta_jar_files(cache)[:count]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def test_cached_jars_are_passed_as_files_so_that_spark_starts_offline(tmp_path: Path) -> None:
    files = _fill(tmp_path, 2)
    assert delta_jar_conf(tmp_path) == {"spark.jars": f"{files[0]},{files[1]}"}


def test_jars_that_are_not_cached_are_resolved_into_the_cache(tmp_path: Path) -> None:
    conf = delta_jar_conf(tmp_path)
    assert conf["spark.jars.packages"] == f"{DELTA_SPARK},{DELTA_STORAGE}"
    assert conf["spark.jars.ivy"] == str(tmp_path / "ivy")
    assert "spark.jars" not in conf


def test_what_the_jars_depend_on_is_excluded_but_none_of_those_asked_for(tmp_path: Path) -> None:
    patterns = delta_jar_conf(tmp_path)["spark.jars.excludes"].split(",")
    bundle = "software.amazon.awssdk:bundle"  # 600 MB
    for brought in ("com.fasterxml.jackson.core:jackson-core", "org.apache.hadoop:hadoop-client-api", bundle):
        assert any(fnmatch(brought, pattern) for pattern in patterns)
    for coordinate in (*JARS, *KAFKA_JARS, *S3_JARS):
        assert not any(fnmatch(coordinate.rpartition(":")[0], pattern) for pattern in patterns)


def test_the_kafka_source_is_asked_for_where_a_broker_is_configured(tmp_path: Path) -> None:
    with_broker = spark_conf(load_settings(reco_cache_path=tmp_path, kafka_bootstrap_servers="localhost:9092"))
    assert with_broker["spark.jars.packages"].split(",") == [*JARS, *KAFKA_JARS]
    assert spark_conf(load_settings(reco_cache_path=tmp_path))["spark.jars.packages"].split(",") == list(JARS)


def test_tables_on_object_storage_ask_for_s3a_and_for_the_log_store_that_loses_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    conf = spark_conf(load_settings(reco_cache_path=tmp_path, lakehouse_tables_uri="s3://bucket/lake"))
    assert conf["spark.jars.packages"].split(",") == [*JARS, *S3_JARS]
    assert conf["spark.jars"] == str(log_store_jar(tmp_path))
    assert conf["spark.delta.logStore.s3.impl"] == "reco.ConditionalPutLogStore"
    assert conf["spark.hadoop.fs.s3a.endpoint.region"] == "eu-north-1"


def test_the_log_store_lies_beside_the_cached_jars(tmp_path: Path) -> None:
    for file in delta_jar_files(tmp_path, (*JARS, *S3_JARS)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    conf = spark_conf(load_settings(reco_cache_path=tmp_path, lakehouse_tables_uri="s3://bucket/lake"))
    files = delta_jar_files(tmp_path, (*JARS, *S3_JARS))
    assert conf["spark.jars"].split(",") == [*map(str, files), str(log_store_jar(tmp_path))]
    assert "spark.jars.packages" not in conf


@pytest.mark.spark_environment
def test_s3a_is_of_the_hadoop_that_spark_brings() -> None:
    import pyspark

    [client] = Path(pyspark.__file__).parent.glob("jars/hadoop-client-api-*.jar")
    assert S3_JARS[0].rpartition(":")[2] == client.stem.rpartition("-")[2]


@pytest.mark.spark_environment
def test_the_jars_are_those_that_the_installed_delta_spark_itself_asks_for() -> None:
    from delta import configure_spark_with_delta_pip
    from pyspark.sql import SparkSession

    asked = configure_spark_with_delta_pip(SparkSession.Builder())._options["spark.jars.packages"]
    assert asked == DELTA_SPARK
    assert DELTA_STORAGE.rpartition(":")[2] == DELTA_SPARK.rpartition(":")[2]


def test_the_jars_are_of_the_versions_that_the_project_pins() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pins = dict(pin.split("==") for pin in extras["spark"])
    spark = ".".join(pins["pyspark[connect]"].split(".")[:2])
    assert f"io.delta:delta-spark_{spark}_2.13:{pins['delta-spark']}" == DELTA_SPARK
    assert f"io.delta:delta-storage:{pins['delta-spark']}" == DELTA_STORAGE
    assert f"org.apache.spark:spark-sql-kafka-0-10_2.13:{pins['pyspark[connect]']}" in KAFKA_JARS


def test_one_cached_jar_of_two_is_not_enough(tmp_path: Path) -> None:
    _fill(tmp_path, 1)
    assert "spark.jars.packages" in delta_jar_conf(tmp_path)


def test_the_session_gets_the_jars_of_the_configured_cache(tmp_path: Path) -> None:
    files = _fill(tmp_path, 2)
    assert spark_conf(load_settings(reco_cache_path=tmp_path))["spark.jars"] == ",".join(map(str, files))
