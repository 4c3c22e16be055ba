"""The engine: nothing starts before it is needed, and what is missing is said with its remedy."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resources.engine import Engine, EngineError, require_java
from resources.settings import load_settings
from resources.spark_conf import DELTA_EXTENSION, spark_conf
from resources.spark_jars import delta_jar_files

PROJECT = Path(__file__).resolve().parents[2]
PRINT_ENGINE_ERROR = """
from resources.engine import Engine, EngineError
from resources.settings import load_settings
try:
    Engine(load_settings()).session
except EngineError as error:
    print(error)
"""


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=outside | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def _install_java(folder: Path, banner: str) -> Path:
    java = folder / "java"
    folder.mkdir(parents=True, exist_ok=True)
    java.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, so that the Java found is the one a test puts there."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def test_without_java_the_message_says_how_to_get_it_or_do_without(path_folder: Path) -> None:
    with pytest.raises(EngineError, match=r"none was found.*Install Java 17.*RECO_ENGINE=embedded"):
        require_java()


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16-ea"])
def test_a_java_that_is_too_old_is_refused_with_its_version_and_place(version: str, path_folder: Path) -> None:
    java = _install_java(path_folder, f'openjdk version "{version}" 2019-01-15')
    with pytest.raises(EngineError) as refused:
        require_java()
    assert f"needs Java 17, found {version} ({java})" in str(refused.value)
    assert "RECO_ENGINE=embedded" in str(refused.value)


@pytest.mark.parametrize(
    "banner",
    [
        'openjdk version "17.0.15" 2025-04-15',
        'openjdk version "25-ea" 2025-09-16',
        'Picked up JAVA_TOOL_OPTIONS: -Dx="y"\nopenjdk version "21" 2023-09-19',
    ],
)
def test_a_java_that_is_new_enough_is_accepted(banner: str, path_folder: Path) -> None:
    _install_java(path_folder, banner)
    require_java()


def test_a_java_that_does_not_run_is_refused(path_folder: Path) -> None:
    java = _install_java(path_folder, "Unable to locate a Java Runtime.")
    with pytest.raises(EngineError, match=f"{java} does not say its version"):
        require_java()


def test_java_home_wins_over_the_path(path_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install_java(path_folder, 'openjdk version "21" 2023-09-19')
    _install_java(tmp_path / "jdk8" / "bin", 'openjdk version "1.8.0_392"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk8"))
    with pytest.raises(EngineError, match=r"found 1\.8"):
        require_java()


@pytest.mark.spark_environment
def test_an_engine_on_spark_without_java_says_so_when_first_used(path_folder: Path) -> None:
    engine = Engine(load_settings(reco_engine="spark"))
    with pytest.raises(EngineError, match="needs Java"):
        _ = engine.session


def test_in_the_embedded_environment_spark_is_refused_with_where_to_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.engine.find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"make spark.*\.venv-spark/bin.*RECO_ENGINE=embedded"):
        _ = Engine(load_settings(reco_engine="spark")).session


def _start_with_failing_spark(cache: Path, path_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Exception:
    def fail(spark_config: dict[str, Any]) -> None:
        raise RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number.")

    _install_java(path_folder, 'openjdk version "17.0.15"')
    monkeypatch.setattr("dagster_pyspark.LazyPySparkResource", fail)
    with pytest.raises(Exception, match=r".") as failed:
        _ = Engine(load_settings(reco_engine="spark", reco_cache_path=cache)).session
    return failed.value


@pytest.mark.spark_environment
def test_a_spark_that_could_not_get_its_jars_is_explained_with_the_local_maven_repository(
    tmp_path: Path, path_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = _start_with_failing_spark(tmp_path / "cache", path_folder, monkeypatch)
    assert isinstance(error, EngineError)
    assert "~/.m2/repository/io/delta" in str(error)
    assert "JAVA_GATEWAY_EXITED" in str(error.__cause__)


@pytest.mark.spark_environment
def test_a_spark_that_has_its_jars_and_fails_keeps_its_own_error(
    tmp_path: Path, path_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in delta_jar_files(tmp_path / "cache"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    error = _start_with_failing_spark(tmp_path / "cache", path_folder, monkeypatch)
    assert "JAVA_GATEWAY_EXITED" in str(error)
    assert not isinstance(error, EngineError)


def test_spark_runs_on_the_configured_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    conf = spark_conf(load_settings(spark_master="spark://host:7077", spark_driver_memory="2g"))
    assert (conf["spark.master"], conf["spark.driver.memory"]) == ("spark://host:7077", "2g")
    assert spark_conf(load_settings())["spark.master"] == "local[*]"


def test_under_spark_submit_the_command_line_decides_master_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "41001")
    decided = {"spark.master", "spark.driver.memory", "spark.driver.defaultJavaOptions"}
    assert not decided & spark_conf(load_settings()).keys()


def test_a_session_on_a_cluster_gets_the_share_that_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    asked = load_settings(
        spark_master="spark://host:7077",
        reco_engine="spark",
        spark_executor_memory="8g",
        spark_executor_cores=4,
        spark_cores_max=16,
        spark_dynamic_allocation="on",
    )
    conf = spark_conf(asked)
    assert conf["spark.executor.memory"] == "8g"
    assert conf["spark.executor.cores"] == "4"
    assert conf["spark.cores.max"] == "16"
    assert conf["spark.dynamicAllocation.enabled"] == "true"
    assert conf["spark.sql.shuffle.partitions"] == "32"


def test_what_spark_conf_says_wins_over_what_the_platform_sets() -> None:
    conf = spark_conf(load_settings(spark_conf="spark.log.level=WARN;spark.hadoop.fs.s3a.path.style.access=true"))
    assert (conf["spark.log.level"], conf["spark.hadoop.fs.s3a.path.style.access"]) == ("WARN", "true")


def test_what_mllib_is_half_done_with_lies_where_each_machine_of_a_cluster_sees_it(tmp_path: Path) -> None:
    on_a_cluster = load_settings(
        lakehouse_path=tmp_path / "lake", spark_master="spark://host:7077", reco_engine="spark"
    )
    assert spark_conf(on_a_cluster)["spark.checkpoint.dir"] == str(tmp_path / "lake" / "_spark" / "checkpoints")
    alone = load_settings(reco_cache_path=tmp_path / "cache")
    assert spark_conf(alone)["spark.checkpoint.dir"] == str(tmp_path / "cache" / "spark-checkpoints")


@pytest.mark.parametrize("master", [None, "local[2]", "spark://localhost:7077"])
def test_a_session_for_this_machine_alone_is_not_reached_from_another(master: str | None) -> None:
    assert spark_conf(load_settings(spark_master=master))["spark.driver.bindAddress"] == "127.0.0.1"


def test_executors_elsewhere_reach_the_session_by_the_address_that_spark_chooses() -> None:
    assert "spark.driver.host" not in spark_conf(load_settings(spark_master="spark://host:7077", reco_engine="spark"))


def test_importing_the_definitions_starts_no_engine_and_imports_none(tmp_path: Path) -> None:
    # Without Java on the PATH a JVM could not start, even by accident.
    code = (
        "import sys, reco_assets.definitions, pyspark\n"
        "heavy = [m for m in ('mlflow', 'pysail', 'numba', 'matplotlib', 'dagster_pyspark') if m in sys.modules]\n"
        "assert heavy == [], heavy\n"
        "context = getattr(pyspark, 'SparkContext', None)  # the client has none\n"
        "assert context is None or context._active_spark_context is None\n"
    )
    done = _python(code, PATH=str(tmp_path), LAKEHOUSE_PATH=str(tmp_path / "lake"), RECO_ENGINE="spark")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_was_not_used_has_nothing_to_stop() -> None:
    engine = Engine(load_settings(reco_engine="embedded"))
    engine.stop()
    assert "session" not in vars(engine)


def test_the_session_is_made_once(engine: Engine) -> None:
    assert engine.session is engine.session


def test_every_session_keeps_time_in_utc(engine: Engine) -> None:
    assert engine.session.conf.get("spark.sql.session.timeZone") == "UTC"


def test_stopping_one_embedded_engine_leaves_the_other_running(engine: Engine) -> None:
    if engine.name != "embedded":
        pytest.skip("a process has one JVM, so Spark engines share their session")
    other = Engine(load_settings(reco_engine="embedded"))
    assert other.session is not engine.session
    other.stop()
    assert engine.session.range(3).count() == 3


def test_a_stopped_engine_starts_again_when_it_is_used_again() -> None:
    engine = Engine(load_settings(reco_engine="embedded"))
    assert engine.session.range(2).count() == 2
    engine.stop()
    assert engine.session.range(3).count() == 3
    engine.stop()


def test_a_remote_session_is_used_as_it_is_and_keeps_time_in_utc() -> None:
    # Sail speaks Spark Connect, so it stands in for a remote Spark here.
    code = (
        "from pysail.spark import SparkConnectServer\n"
        "server = SparkConnectServer('127.0.0.1', 0)\n"
        "server.start(background=True)\n"
        "from resources.engine import Engine\n"
        "from resources.settings import load_settings\n"
        "engine = Engine(load_settings(spark_remote=f'sc://127.0.0.1:{server.listening_address[1]}'))\n"
        "assert engine.name == 'spark'\n"
        "print(engine.session.range(3).count(), engine.session.conf.get('spark.sql.session.timeZone'))\n"
        "engine.stop()\n"
    )
    done = _python(code, RECO_ENGINE="auto", TZ="America/New_York")
    assert done.stdout.split() == ["3", "UTC"], done.stderr


def test_a_remote_session_that_nobody_serves_is_named_after_few_tries() -> None:
    code = "import resources.engine\nresources.engine.FIRST_TRIES = 1\n" + PRINT_ENGINE_ERROR  # 5 take 20 s
    done = _python(code, RECO_ENGINE="auto", SPARK_REMOTE="sc://127.0.0.1:1")
    assert done.stdout.startswith("Spark at sc://127.0.0.1:1 cannot be used: "), done
    assert "failed to connect" in done.stdout
    assert "Check SPARK_REMOTE" in done.stdout


@pytest.mark.spark_environment
def test_a_cluster_that_gives_no_session_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_session(**_: Any) -> None:  # Spark itself tries for a minute
        raise RuntimeError("All masters are unresponsive! Giving up.")

    monkeypatch.setattr("dagster_pyspark.LazyPySparkResource", no_session)
    for name in ("PYSPARK_PYTHON", "SPARK_LOCAL_IP"):
        monkeypatch.setenv(name, "")  # starting sets them, and this takes it back
    with pytest.raises(EngineError, match=r"cluster at spark://127\.0\.0\.1:1: .* Check SPARK_MASTER"):
        _ = Engine(load_settings(spark_master="spark://127.0.0.1:1", reco_engine="spark")).session


@pytest.mark.spark_environment
def test_a_session_that_can_lose_commits_on_object_storage_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = {"spark.sql.extensions": DELTA_EXTENSION}  # as of a spark-submit that knows nothing of object storage
    session = SimpleNamespace(conf=conf, sparkContext=SimpleNamespace(getConf=lambda: conf))
    resource = SimpleNamespace(spark_session=session)
    monkeypatch.setattr("dagster_pyspark.LazyPySparkResource", lambda **_: resource)
    monkeypatch.setattr("resources.engine.make_log_store", lambda _: None)
    for name in ("PYSPARK_PYTHON", "SPARK_LOCAL_IP"):
        monkeypatch.setenv(name, "")  # starting sets them, and this takes it back
    with pytest.raises(EngineError, match=r"without the log store .* tools/run_pipeline\.py"):
        _ = Engine(load_settings(reco_engine="spark", lakehouse_tables_uri="s3://bucket/tables")).session


@pytest.mark.slow
def test_a_running_spark_session_without_delta_is_refused() -> None:
    code = (
        "from pyspark.sql import SparkSession\n"
        "SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').getOrCreate()\n"
        + PRINT_ENGINE_ERROR
    )
    done = _python(code, RECO_ENGINE="spark")
    assert done.stdout.startswith("A Spark session without Delta Lake is already running"), done.stderr


@pytest.mark.slow
def test_a_local_maven_repository_with_a_pom_but_no_jar_gets_a_clear_message(tmp_path: Path) -> None:
    for jar in delta_jar_files(tmp_path):
        group_artifact, version = jar.stem.rsplit("-", 1)
        artifact = group_artifact.removeprefix("io.delta_")
        folder = tmp_path / "home" / ".m2" / "repository" / "io" / "delta" / artifact / version
        folder.mkdir(parents=True)
        (folder / f"{artifact}-{version}.pom").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>io.delta</groupId>"
            f"<artifactId>{artifact}</artifactId><version>{version}</version></project>"
        )
    done = _python(
        PRINT_ENGINE_ERROR,
        RECO_ENGINE="spark",
        RECO_CACHE_PATH=str(tmp_path / "cache"),
        JAVA_TOOL_OPTIONS=f"-Duser.home={tmp_path / 'home'}",
    )
    assert "~/.m2/repository/io/delta" in done.stdout, done.stderr
    assert "download failed" in done.stderr


def test_no_other_process_can_connect_to_the_embedded_engine() -> None:
    engine = Engine(load_settings(reco_engine="embedded"))
    try:
        assert engine.session.range(3).count() == 3
        port = engine.session.client._builder._port  # type: ignore[attr-defined]
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", port), timeout=0.5)
        assert engine.session.range(4).count() == 4
    finally:
        engine.stop()


def test_looking_for_the_listening_socket_leaves_no_descriptor_open() -> None:
    from resources.calls.one_client import refuse_others

    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = opened()
    with Path("/dev/null").open() as _:  # a descriptor that is no socket
        refuse_others(0)
    assert opened() == before


def test_spark_without_what_s3_needs_reads_no_table_that_lies_there() -> None:
    with pytest.raises(EngineError, match=r"^The table lies at s3://b/t, .* where LAKEHOUSE_TABLES_URI is set"):
        Engine(load_settings(reco_engine="spark")).uri("s3://b/t")
    assert Engine(load_settings(reco_engine="embedded")).uri("s3://b/t") == "s3://b/t"
