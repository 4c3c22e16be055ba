"""What Spark needs for tables on object storage: Hadoop's S3A, and a log store by which no writer loses a commit.

Delta has none for S3 that is right for more than one driver. Ours is compiled once, into the cache, by the Scala
compiler that Spark brings and by the command that resolves the JARs.
"""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from resources.errors import RecoError
from resources.files import staged
from resources.locking.locks import MAKING_SECONDS, held
from resources.spark_jars import JARS, S3_JARS, delta_jar_files, package_conf

LOG_STORE = "reco.ConditionalPutLogStore"
LOG_STORE_OF_S3 = "spark.delta.logStore.s3.impl"
SHOWN_LINES = 5
_SOURCE = Path(__file__).with_name("ConditionalPutLogStore.scala")
# By default a server that is away is told of after more than five minutes.
_TRIES = {"spark.hadoop.fs.s3a.retry.limit": "2", "spark.hadoop.fs.s3a.attempts.maximum": "2"}
_COMPILER = "scala.tools.nsc.Main"


class SparkOnObjectStorageError(RecoError):
    """Spark's JARs for object storage are not there and can't be had; the message says why and what to do."""


def log_store_jar(cache: Path) -> Path:
    """Where the log store lies in the cache, whether it is there or not; its name is of what it is made of."""
    made_of = _SOURCE.read_bytes() + repr((JARS, S3_JARS)).encode()
    return cache / "spark" / f"conditional-put-{hashlib.sha256(made_of).hexdigest()[:12]}.jar"


def object_storage_conf(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Spark configuration by which `s3://` is read and written as delta-rs does; Spark itself takes keys and endpoint.

    Args:
        environment: Variables, of which `AWS_REGION` names the region.
    """
    region = environment.get("AWS_REGION")
    return {
        LOG_STORE_OF_S3: LOG_STORE,
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        **_TRIES,
        "spark.hadoop.fs.s3a.input.stream.type": "classic",  # the default has another client: not tried
        **({"spark.hadoop.fs.s3a.endpoint.region": region} if region else {}),
    }


def make_log_store(cache: Path) -> None:
    """Resolve the JARs and compile the log store, unless it is there: 12 MB, once.

    Raises `SparkOnObjectStorageError`.
    """
    jar = log_store_jar(cache)
    with held(jar.with_name(".lock"), f"Spark's log store in {cache}", MAKING_SECONDS):
        if not jar.is_file():
            _compile(cache, jar)


def _compile(cache: Path, jar: Path) -> None:
    import pyspark

    home = Path(pyspark.__file__).parent
    coordinates = (*JARS, *S3_JARS)
    resolved = delta_jar_files(cache, coordinates)[0].parent
    given = [part for pair in package_conf(cache, coordinates).items() for part in ("--conf", "=".join(pair))]
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_"))}
    with staged(jar) as staging:
        made = staging.with_suffix(".jar")  # the compiler makes a folder of another name
        command = [str(home / "bin" / "spark-submit"), *given, "--class", _COMPILER, "spark-internal"]
        command += ["-d", str(made), "-classpath", f"{home}/jars/*:{resolved}/*", str(_SOURCE)]
        done = subprocess.run(
            command, env=outer | {"SPARK_HOME": str(home)}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line or "not found" in line]
            raise SparkOnObjectStorageError(
                "Tables on object storage need JARs that Spark could not get or use; the first time needs a network. "
                "It said:\n" + "\n".join(said[:SHOWN_LINES]) + "\nOr set RECO_ENGINE=embedded."
            )
        made.rename(staging)
