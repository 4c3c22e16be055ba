"""A real single-node Apache Kafka broker (KRaft, no ZooKeeper) on the loopback address, for development and tests."""

import os
import shutil
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import psutil

from resources.errors import RecoError
from resources.files import write_text_atomically
from resources.kafka.clients import answers
from resources.loopback import HOST, free_port, listens

START_SECONDS, STOP_SECONDS = 120.0, 60.0  # of an idle machine it takes 3 and 1
POLL_SECONDS = 0.1
LOG_LINES = 5
# C1 alone starts in half the time, and what a single machine sends does not need C2.
JVM = ("-Xms128m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
_ONE_NODE = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENTS",
    "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
    # After a kill the controller waits so long for the old broker before it takes the new one: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}


class BrokerError(RecoError):
    """The broker does not start; the message says where, why as far as its log tells, and what to do."""


@dataclass
class Broker:
    """A broker whose data, settings and log (`broker.log`) lie in a folder: it may be stopped, killed and started again
    there, and then has what it had.

    `options` are Kafka's own server properties, such as `log.retention.ms`, and win over what is set here.
    """

    folder: Path
    jars: Path
    port: int
    options: Mapping[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """What KAFKA_BOOTSTRAP_SERVERS is set to."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.folder / "broker.log"

    def start(self) -> None:
        """Start, and return once the broker answers clients. Raises `BrokerError`."""
        if listens(self.port):
            raise BrokerError(f"{self.address} is in use by {self._holder()}; end that, or choose another port.")
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self._configured()
        if not (self.folder / "data" / "meta.properties").is_file():
            self._format(properties)
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C is for who runs the broker, who then stops it in good order.
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        write_text_atomically(self._pid, str(self._process.pid))
        try:
            self._await_answer(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop in good order, as SIGTERM does."""
        self._end(SIGTERM)

    def kill(self) -> None:
        """Kill at once (SIGKILL), as a power cut would but for what the disk loses then."""
        self._end(SIGKILL)

    def wait(self) -> None:
        """Wait until the broker ends by itself. Raises `BrokerError` then."""
        if self._process is not None:
            self._process.wait()
            raise self._failed(f"ended with exit code {self._process.returncode}")

    def _end(self, signal: Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _pid(self) -> Path:
        return self.folder / "broker.pid"

    def _holder(self) -> str:
        """Who has the port: perhaps this folder's broker, which outlives a SIGKILL of who started it."""
        try:
            process = psutil.Process(int(self._pid.read_text()))
            if str(self.folder / "server.properties") in process.cmdline():
                return f"the broker of {self.folder}, process {process.pid}"
        except (OSError, ValueError, psutil.Error):
            pass
        return "another program"

    def _configured(self) -> Path:
        # Nobody but the broker itself asks its controller, so that one may have another port after each start.
        controller = f"{HOST}:{free_port()}"
        own = {
            "listeners": f"CLIENTS://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENTS://{self.address}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self.folder / "data"),
        }
        lines = [f"{name}={value}" for name, value in (_ONE_NODE | own | dict(self.options)).items()]
        path = self.folder / "server.properties"
        write_text_atomically(path, "\n".join(lines) + "\n")
        return path

    def _format(self, properties: Path) -> None:
        # An id of its own, as it tells where offsets belong: 16 bytes in base 64, of which the first may be a "-".
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*self._java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        with self.log.open("ab") as output:
            done = subprocess.run([*command, "--config", str(properties)], stdout=output, stderr=output, check=False)
        if done.returncode:
            raise self._failed("could not format its data folder")

    def _java(self) -> list[str]:
        return [java_program(), *JVM, *LOGGING, "-cp", f"{self.jars}/*"]

    def _await_answer(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (listens(self.port) and answers(self.address)):
            if process.poll() is not None:
                raise self._failed(f"ended with exit code {process.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"did not answer within {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _failed(self, how: str) -> BrokerError:
        lines = self.log.read_text(errors="replace").splitlines()
        said = [line for line in lines if line.strip() and not line.startswith("\tat ")][-LOG_LINES:]
        return BrokerError("\n".join([f"The Kafka broker {self.address} {how}. The end of {self.log}:", *said]))


@contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    """The broker, started, and stopped with the block."""
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def java_program() -> str:
    """The path of Java. Raises `BrokerError` where there is none."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        fix = "Install Java 17 or newer (apt-get install openjdk-17-jre-headless)."
        raise BrokerError(f"A Kafka broker of your own needs Java, and none was found. {fix}")
    return java
