"""The JARs of Apache Kafka's broker: resolved once by Maven into the cache, from then on plain files.

`python -m resources.kafka.jars` does it ahead of time, as for tests.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from resources.errors import RecoError
from resources.files import staged
from resources.locking.locks import MAKING_SECONDS, held
from resources.settings import load_settings

POM = Path(__file__).with_name("pom.xml")
SHOWN_LINES = 5


class KafkaJarsError(RecoError):
    """The broker's JARs are not there and can't be had; the message says why and what to do."""


def jar_folder(cache: Path) -> Path:
    """Where the JARs of this version lie in the cache, whether they are there or not."""
    [version] = re.findall(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.+)</version>", POM.read_text("utf-8"))
    return cache / "kafka" / str(version)


def kafka_jars(cache: Path) -> Path:
    """The folder of the JARs, which Maven fills unless they are there: 43 MB, once. Raises `KafkaJarsError`."""
    folder = jar_folder(cache)
    with held(folder.parent / ".lock", f"Kafka's JARs in {cache}", MAKING_SECONDS):
        if not folder.is_dir():
            _resolve(folder)
    return folder


def _resolve(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaJarsError(
            f"A Kafka broker of your own needs its JARs in {folder}, and Maven, which fetches them, was not found. "
            "Install it (apt-get install maven) and start again; or set KAFKA_BOOTSTRAP_SERVERS to a broker that runs; "
            "or use none: events then go by files."
        )
    with staged(folder) as staging:
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={staging}"]
        command = [maven, "--batch-mode", "--quiet", "--file", str(POM), *goal]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")] or [done.stderr.strip()]
            raise KafkaJarsError(
                "Maven could not fetch Kafka's JARs, which needs a network the first time. It said:\n"
                + "\n".join(said[:SHOWN_LINES])
            )


if __name__ == "__main__":
    try:
        print(f"Kafka's JARs are in {kafka_jars(load_settings().storage.cache)}")
    except KafkaJarsError as error:
        sys.exit(str(error))
