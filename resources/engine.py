"""The engine: one lazily started Spark session, on Sail (embedded) or on Apache Spark.

What belongs here: starting, configuring and ending the session. What doesn't: tables and paths.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from resources.calls.one_client import refuse_others
from resources.errors import RecoError
from resources.object_storage.spark import LOG_STORE, LOG_STORE_OF_S3, make_log_store
from resources.paths.addresses import PATTERN, plain_address
from resources.settings import Settings
from resources.settings.engine import EngineName
from resources.spark_conf import DELTA_EXTENSION, session_conf, spark_conf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MINIMUM_JAVA = 17
# A client that let its connection go after 30 minutes of training would not be let in again.
NEVER_IDLE = ("grpc.client_idle_timeout_ms", 2**31 - 1)

FIRST_TRIES = 5  # and between them 0.05, 0.2, 0.8, 3.2 and 12.8 seconds


def give_back(settings: Settings) -> None:
    """End this process's session on a standalone cluster, which holds its cores until then; another one may follow."""
    if settings.engine.name == "spark" and not (settings.engine.is_local or settings.engine.remote):
        from pyspark.sql import SparkSession

        if session := SparkSession.getActiveSession():
            session.stop()


class EngineError(RecoError):
    """The engine cannot start; the message says what is missing and how to get it."""


@dataclass
class Engine:
    """One session for the life of the process. Nothing starts before `session` is first read."""

    settings: Settings
    _closers: list[Any] = field(default_factory=list)

    @property
    def name(self) -> EngineName:
        """`embedded` or `spark`."""
        return self.settings.engine.name

    @cached_property
    def session(self) -> "SparkSession":
        """Start (once) and return the session. Raises `EngineError` when something is missing."""
        session = self._start_sail() if self.name == "embedded" else self._start_spark()
        atexit.register(self.stop)
        return session

    def path(self, path: Path) -> str:
        """A table's path as the engine takes it. Raises `EngineError` where no link can lead to it."""
        if self.settings.engine.is_local:
            return plain_address(path)
        if found := PATTERN.search(str(path)):
            raise EngineError(
                f"{str(path)!r} holds {found[0]!r}, which Spark takes for a pattern, and executors elsewhere follow no "
                "link of this machine. Rename that folder, or run with RECO_ENGINE=embedded."
            )
        return str(path)

    def uri(self, uri: str) -> str:
        """The URI of a table's files on object storage. Raises `EngineError` where the session can't reach it."""
        if self.name == "spark" and self.settings.storage.tables_uri is None:
            raise EngineError(
                f"The table lies at {uri}, which Spark reads only where LAKEHOUSE_TABLES_URI is set: its session then "
                "has what S3 needs. Set it to any folder of that server, or run with RECO_ENGINE=embedded."
            )
        return uri

    @property
    def pages(self) -> str | None:
        """The address of Spark's pages on the session's jobs; None without a session or where there are no pages."""
        if "session" not in self.__dict__ or self.name == "embedded":
            return None
        conf = self.session.conf
        if conf.get("spark.ui.enabled", "true") == "false":
            return None
        if self.settings.engine.remote:
            host = urlsplit(self.settings.engine.remote.get_secret_value()).hostname
            return f"http://{host}:{conf.get('spark.ui.port', '4040')}"
        address: str | None = self.session.sparkContext.uiWebUrl
        return address

    def stop(self) -> None:
        """End the session, if one was started."""
        if "session" not in self.__dict__:
            return
        session = self.__dict__.pop("session")
        session.stop()
        while self._closers:
            self._closers.pop()()

    def _start_sail(self) -> "SparkSession":
        os.environ.setdefault("RUST_LOG", "error")
        _import_client()
        # Sail plans for as many cores as it finds; one machine never needs its default batch of files per task.
        from pysail.spark import SparkConnectServer
        from pyspark.sql.connect.client.core import DefaultChannelBuilder
        from pyspark.sql.connect.session import SparkSession as ConnectSession

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        self._closers.append(server.stop)
        _, port = server.listening_address
        # Not getOrCreate: that would return another engine's session, and end it with this one.
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
        channel = DefaultChannelBuilder(f"sc://127.0.0.1:{port}", channelOptions=[NEVER_IDLE])
        session = cast("SparkSession", ConnectSession.builder.channelBuilder(channel).create())
        session.conf.set("spark.sql.session.timeZone", "UTC")
        refuse_others(port)
        return session

    def _start_spark(self) -> "SparkSession":
        if self.settings.engine.remote:
            _import_client()
            from pyspark.sql import SparkSession

            try:
                address = self.settings.engine.remote.get_secret_value()
                remote = SparkSession.builder.remote(address).getOrCreate()
                with _few_tries(remote):
                    for name, value in session_conf(self.settings).items():
                        remote.conf.set(name, value)
            except Exception as error:  # its own text may hold the token of the address
                found = " ".join((str(error) or type(error).__name__).split())[:300]  # of gRPC's the third line says it
                raise EngineError(
                    f"Spark at {address} cannot be used: {found}. Check SPARK_REMOTE and the server."
                ) from None
            return remote
        require_spark()
        require_java()
        if self.settings.storage.tables_uri:
            make_log_store(self.settings.storage.cache)
        self._set_environment()
        from dagster_pyspark import LazyPySparkResource

        conf = dict(spark_conf(self.settings))
        try:
            session: SparkSession = LazyPySparkResource(spark_config=conf).spark_session
        except Exception as error:
            if not self.settings.engine.is_local:
                raise EngineError(
                    f"No session on the cluster at {self.settings.engine.master}: Spark's own lines above say why. "
                    "Check SPARK_MASTER, and that the cluster is up; or set RECO_ENGINE=embedded."
                ) from error
            if "spark.jars.packages" not in conf:
                raise
            raise EngineError(
                "Spark did not start: it could not get its JARs; its own lines above say why. The first start "
                "needs a network. After 'download failed', delete ~/.m2/repository/io/delta, which then holds a POM "
                "without its JAR, and start again; or set RECO_ENGINE=embedded."
            ) from error
        if DELTA_EXTENSION not in str(session.conf.get("spark.sql.extensions", "")):
            raise EngineError(
                "A Spark session without Delta Lake is already running in this process; stop it first, "
                f"or start it with spark.sql.extensions={DELTA_EXTENSION}."
            )
        if self.settings.storage.tables_uri and session.sparkContext.getConf().get(LOG_STORE_OF_S3) != LOG_STORE:
            raise EngineError(
                f"Spark was started without the log store {LOG_STORE}; with another one, two writers on object "
                "storage can lose a commit. Start it as `python tools/run_pipeline.py etl --local` prints it; export "
                "Airflow's DAGs with --via dagster."
            )
        if address := session.sparkContext.getCheckpointDir():
            # Spark leaves what MLlib was half done with; the session has a folder of its own for that.
            self._closers.append(partial(shutil.rmtree, urlsplit(address).path, ignore_errors=True))
        return session

    def _set_environment(self) -> None:
        """Say what Spark takes from the environment alone, where nobody else said it."""
        # Else the workers' Python is the first python3 of their PATH, which has no platform.
        python = self.settings.engine.conf.get("spark.pyspark.python", sys.executable)
        os.environ.setdefault("PYSPARK_PYTHON", python)
        if self.settings.engine.is_on_loopback:
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # its pages would listen on every address


@contextmanager
def _few_tries(session: "SparkSession") -> Iterator[None]:
    """Let the client try for 20 s: where nobody listens it would for 10 minutes, which suits work that is under way."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session.client.set_retry_policies([DefaultPolicy(max_retries=FIRST_TRIES)])
    try:
        yield
    except Exception:
        session.client.set_retry_policies([])  # the process's end asks that server once more
        raise
    session.client.set_retry_policies([DefaultPolicy()])


def _import_client() -> None:
    """Import the client; in a program of `python -c` it would look for its own tests, and for a whole Spark."""
    main = vars(sys.modules["__main__"])
    given = "__file__" in main
    main.setdefault("__file__", "-c")
    try:
        import pyspark.sql.connect  # noqa: F401
    finally:
        if not given:
            del main["__file__"]


def require_spark() -> None:
    """Raise `EngineError` where this environment has only the client of Spark, which is all that Sail needs."""
    if find_spec("dagster_pyspark") is None:
        raise EngineError(
            "RECO_ENGINE=spark needs Apache Spark, which is not in this environment. Run make spark and use the "
            "commands in .venv-spark/bin, or set RECO_ENGINE=embedded."
        )


def require_java() -> None:
    """Raise `EngineError` unless Java of at least `MINIMUM_JAVA` is on the PATH or under JAVA_HOME."""
    fix = (
        f"Install Java {MINIMUM_JAVA} or newer (apt-get install openjdk-17-jre-headless), or set RECO_ENGINE=embedded."
    )
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise EngineError(f"RECO_ENGINE=spark needs Java, and none was found. {fix}")
    banner = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "((\d+)[^"]*)"', banner)
    if version is None:
        raise EngineError(f"RECO_ENGINE=spark needs Java, and {java} does not say its version. {fix}")
    if int(version[2]) < MINIMUM_JAVA:
        raise EngineError(f"RECO_ENGINE=spark needs Java {MINIMUM_JAVA}, found {version[1]} ({java}). {fix}")
