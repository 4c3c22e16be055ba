"""The services of the Compose file as processes: its commands, environments, order and health checks."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.loopback import listens
from tests.deploy.native import REPOSITORY, Image, Machine, mounts
from tests.deploy.postgres import Postgres

START_SECONDS = 150  # on two busy cores
STOP_SECONDS = 5
CHECK_SECONDS = 1  # between two rounds of health checks: one of Dagster's keeps a core busy for 2
AIRFLOW_ENVIRONMENT = REPOSITORY / ".airflow" / "venv-3"
# In place of .env's settings.
SETTINGS = {
    "RECO_ENGINE": "embedded",
    "RECO_SOURCE": "synthetic",
    "SYNTHETIC_USERS": "60",
    "SYNTHETIC_MOVIES": "80",
    "SYNTHETIC_RATINGS": "3000",
    "ALS_RANK": "4",
    "RANKING_RANK": "4",
    "MLFLOW_TIMEOUT_SECONDS": "30",  # a run leaves out a server that a busy machine lets wait for longer
}


@dataclass(frozen=True)
class Server:
    """A started command and where it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        """Send a signal to the command and to what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait(self, deadline: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))


class Deployment:
    """Started profile by profile. Only addresses and folders differ from the file's: `Machine` says how."""

    def __init__(self, services: Mapping[str, Any], secrets: dict[str, str], programs: Path, folder: Path) -> None:
        self.services, self.secrets, self.folder = services, secrets, folder
        # Without a broker: its command is its image's own, and tests/kafka starts one from its JARs.
        self.machine = Machine(folder / "root", secrets | {"KAFKA_BOOTSTRAP_SERVERS": ""})
        self.machine.place_repository("/app")
        self.programs = programs
        self.postgres = Postgres(
            programs, int(self.machine.ports["postgres"]["5432"]), self._declared("postgres", services["postgres"])
        )
        self.servers: dict[str, Server] = {}
        self.seconds: dict[str, float] = {}

    def start(self, profile: str) -> None:
        """Start each service of a profile once those it waits for are ready; return when all are.

        Not those of images that nobody here has: Kafka's, Prometheus's and Grafana's.
        """
        here = {name for name, service in self.services.items() if service["image"].startswith(("reco-", "postgres:"))}
        names = {name for name in here if profile in self.services[name]["profiles"]}
        missing = names - self.servers.keys() - self.seconds.keys()
        begin = time.monotonic()
        while waiting := missing - self.seconds.keys():
            for name in sorted(waiting - self.servers.keys()):
                if self._waits_for(name) <= self.seconds.keys():
                    self._start(name)
            for name in waiting:
                if self._is_ready(name):
                    self.seconds[name] = round(time.monotonic() - begin, 1)
            time.sleep(CHECK_SECONDS)
            late = time.monotonic() > begin + START_SECONDS
            assert not late, f"{waiting} did not become healthy:\n{self._logs(waiting)}"

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):  # the second for what outlives its parent
            for server in self.servers.values():
                server.signal(number)
            deadline = time.monotonic() + STOP_SECONDS  # of all together
            for server in self.servers.values():
                server.wait(deadline)
        self.postgres.stop()

    def url(self, service: str, port: str = "") -> str:
        ports = self.machine.ports[service]
        return f"http://127.0.0.1:{ports[port or next(iter(ports))]}"

    def environment(self, service: str) -> dict[str, str]:
        """What the image and the file set, and of this machine's only what lets a program be found."""
        described = self.services[service]
        image = Image.of(described["image"].partition(":")[0])
        own = {name: self.machine.value(value, service) for name, value in image.variables.items()}
        platform = Path(sys.executable).parent
        found = [platform] if "reco-assets" in described["image"] else [AIRFLOW_ENVIRONMENT / "bin"]
        path = [*map(str, found), f"{own['SPARK_HOME']}/bin", str(self.programs), os.environ["PATH"]]
        local = {"PATH": os.pathsep.join(path), "HOME": str(self.folder), "SPARK_LOCAL_IP": "127.0.0.1"}
        settings = SETTINGS if "env_file" in described else {}
        return local | own | settings | self._declared(service, described)

    def run(self, service: str, words: Iterable[str]) -> subprocess.CompletedProcess[str]:
        """`docker compose exec SERVICE WORDS`."""
        return subprocess.run(
            self.machine.command(list(words), service),
            cwd=self._folder_of(service),
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )

    def _declared(self, service: str, described: Mapping[str, Any]) -> dict[str, str]:
        return {name: self.machine.value(str(value), service) for name, value in described["environment"].items()}

    def _waits_for(self, name: str) -> set[str]:
        depends = self.services[name].get("depends_on", {})
        return {other for other, how in depends.items() if how["condition"] != "service_started"}

    def _start(self, name: str) -> None:
        service = self.services[name]
        log = self.folder / f"{name}.log"
        if name == "postgres":  # the image's own entry point
            self.postgres.start(REPOSITORY / "deploy" / "databases.sh")
            self.seconds[name] = 0.0
            return
        self._lay_out(name, service)
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.machine.command(service["command"], name),
                cwd=self._folder_of(name),
                env=self.environment(name),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.servers[name] = Server(process, log)

    def _folder_of(self, service: str) -> Path:
        """Where an image's commands start."""
        ours = self.services[service]["image"].startswith("reco-assets")
        return self.machine.root / ("app" if ours else "opt/airflow")

    def _lay_out(self, name: str, service: Mapping[str, Any]) -> None:
        """Make the folders of a service's image and of its mounts."""
        platform = self.machine.root / "opt" / "reco"
        platform.parent.mkdir(parents=True, exist_ok=True)
        if not platform.exists():
            platform.symlink_to(sys.prefix)
        image = Image.of(service["image"].partition(":")[0])
        for source, inside in [*image.copied, *mounts(service)]:
            self.machine.place(source, inside, "airflow-webserver" if source.endswith(".cfg") else name)

    def _is_ready(self, name: str) -> bool:
        """Whether a service is healthy, or has done what it was started once for."""
        if name not in self.servers:
            return False
        ended = self.servers[name].process.poll()
        check = self.services[name]["healthcheck"]
        if check.get("disable"):
            assert ended in (None, 0), f"{name} ended with {ended}:\n{self._logs([name])}"
            return ended == 0
        assert ended is None, f"{name} ended:\n{self._logs([name])}"
        if not all(listens(int(port)) for port in self.machine.ports.get(name, {}).values()):
            return False  # a check is a process, which would slow down what it asks for
        kind, *words = check["test"]
        if kind == "CMD-SHELL":
            words = ["sh", "-c", self.machine.value(words[0], name)]
        return self.run(name, words).returncode == 0

    def _logs(self, names: Collection[str]) -> str:
        return "\n".join(
            f"{name}: {self.servers[name].log.read_text()[-3000:]}" for name in names if name in self.servers
        )
