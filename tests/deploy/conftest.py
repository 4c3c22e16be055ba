"""docker-compose.yml as the tests read it, and its services started natively on loopback ports."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 150  # on two busy cores
STOP_SECONDS = 5


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The Compose file, not yet interpolated."""
    return dict(yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text()))


@pytest.fixture(scope="module")
def deployment(compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator["Deployment"]:
    """All services, started in the order and with the health checks that the file says; stopped at the end."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql, or run tests/install_servers.sh as root")
    deployment = Deployment(compose["services"], programs, tmp_path_factory.mktemp("deployment"))
    try:
        deployment.start()
        yield deployment
    finally:
        deployment.stop()


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the PATH, one folder for each version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max((folder.parent for folder in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Compose's `${NAME:?message}` and `$$`, the two forms that the file uses."""

    def value(match: re.Match[str]) -> str:
        return variables[match["name"]] if match["name"] else "$"

    return re.sub(r"\$(?:\{(?P<name>\w+):\?[^}]*\}|\$)", value, text)


class Postgres:
    """A new Postgres cluster on a loopback port, run by an unprivileged user, as Postgres refuses to run as root."""

    def __init__(self, programs: Path, port: int, user: str, password: str) -> None:
        self.programs, self.port, self.user, self.password = programs, port, user, password
        # Not in pytest's folder, into which another user may not look.
        self.folder = Path(tempfile.mkdtemp(prefix="reco-postgres-"))
        self.owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        (self.folder / "password").write_text(password)

    def start(self, database: str, script: Path) -> None:
        """Make the cluster, a database, and what a script adds, as the image does when its volume is new."""
        if os.geteuid() == 0:
            for path in (self.folder, self.folder / "password"):
                shutil.chown(path, self.owner)
        data = str(self.folder / "data")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        password_file = f"--pwfile={self.folder / 'password'}"
        self._run("initdb", "-D", data, "-U", self.user, "--auth=scram-sha-256", password_file, "--no-sync")
        self._run("pg_ctl", "start", "-w", "-D", data, "-l", str(self.folder / "log"), "-o", options)
        self._execute("postgres", f"CREATE DATABASE {database}")
        self._execute(database, script.read_text())

    def query(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        with self._connection(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))
        shutil.rmtree(self.folder)

    def _execute(self, database: str, statement: str) -> None:
        connection = self._connection(database)
        connection.autocommit = True  # a database can't be made inside a transaction
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def _connection(self, database: str) -> Any:
        import psycopg2

        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=self.user, password=self.password, dbname=database
        )

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", self.owner, "--", *command]
        # Not captured: the server inherits the pipe, and reading it would wait for the server's end.
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(command, cwd="/", stdout=log, stderr=log, check=False, timeout=START_SECONDS)
        assert done.returncode == 0, (self.folder / "programs.log").read_text()


@dataclass(frozen=True)
class Server:
    """A started command and where it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        """Send a signal to the command and to what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)


class Deployment:
    """The services of the Compose file as processes: its commands, environments, order and health checks.

    Only addresses and folders differ: `native` says how.
    """

    def __init__(self, services: Mapping[str, Any], postgres_programs: Path, folder: Path) -> None:
        # The broker's command is its image's own; tests/kafka starts one from its JARs.
        self.services, self.folder = {name: services[name] for name in services.keys() - {"kafka"}}, folder
        self.variables = {"POSTGRES_PASSWORD": "of-this-test-alone"}
        self.inside = {"postgres": "5432", "mlflow": "5000", "code": "4000", "webserver": "3000"}
        self.ports = {name: str(free_port()) for name in self.inside}
        database = services["postgres"]["environment"]
        self.postgres = Postgres(
            postgres_programs,
            int(self.ports["postgres"]),
            database["POSTGRES_USER"],
            self.variables["POSTGRES_PASSWORD"],
        )
        self.servers: dict[str, Server] = {}
        self.seconds: dict[str, float] = {}

    def start(self) -> None:
        """Start every service once those are healthy that it waits for, and return when all are."""
        (self.folder / "dagster").mkdir()
        shutil.copy(REPOSITORY / "deploy" / "dagster.yaml", self.folder / "dagster")  # as the Dockerfile does
        begin = time.monotonic()
        started: set[str] = set()
        while len(self.seconds) < len(self.services):
            for name in self.services.keys() - started:
                if set(self._waits_for(name)) <= self.seconds.keys():
                    self._start(name)
                    started.add(name)
            for name in started - self.seconds.keys():
                if self._is_healthy(name):
                    self.seconds[name] = round(time.monotonic() - begin, 1)
            waiting = self.services.keys() - self.seconds.keys()
            assert time.monotonic() < begin + START_SECONDS, f"{waiting} did not become healthy:\n{self._logs(waiting)}"

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):  # the second for what outlives its parent
            for server in self.servers.values():
                server.signal(number)
            for server in self.servers.values():
                server.wait()
        self.postgres.stop()

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def native(self, value: str) -> str:
        """A value of the file with its addresses and folders as they are on this machine."""
        value = interpolated(value, self.variables)
        here = {"0.0.0.0": "127.0.0.1"}
        for service, port in self.inside.items():
            here |= {service: "127.0.0.1", port: self.ports[service]}
            for host in (service, "localhost", "127.0.0.1"):
                value = value.replace(f"{host}:{port}", f"127.0.0.1:{self.ports[service]}")
        for inside, outside in {"/data": "data", "/opt/dagster": "dagster"}.items():
            value = re.sub(f"^{inside}(?=/|$)", str(self.folder / outside), value)
        return here.get(value, value)

    def environment(self, service: str) -> dict[str, str]:
        """A service's environment, and of this machine's only what lets a program be found."""
        values = {name: self.native(str(value)) for name, value in self.services[service]["environment"].items()}
        settings = SETTINGS if "env_file" in self.services[service] else {}
        path = f"{Path(sys.executable).parent}:{self.postgres.programs}:{os.environ['PATH']}"
        local = {"PATH": path, "HOME": str(self.folder), "PGPORT": self.ports["postgres"]}
        return local | settings | values

    def _waits_for(self, name: str) -> list[str]:
        depends = self.services[name].get("depends_on", {})
        return [other for other, how in depends.items() if how["condition"] == "service_healthy"]

    def _start(self, name: str) -> None:
        if name == "postgres":  # the image's own entry point
            self.postgres.start(self.services[name]["environment"]["POSTGRES_DB"], REPOSITORY / "deploy/databases.sql")
            return
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.services[name]["command"],
                cwd=REPOSITORY,
                env=self.environment(name),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.servers[name] = Server(process, log)

    def _is_healthy(self, name: str) -> bool:
        server = self.servers.get(name)
        assert server is None or server.process.poll() is None, f"{name} ended:\n{self._logs([name])}"
        kind, *check = self.services[name]["healthcheck"]["test"]
        command = ["sh", "-c", interpolated(check[0], self.variables)] if kind == "CMD-SHELL" else check
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment(name), capture_output=True, check=False, timeout=60
        )
        return done.returncode == 0

    def _logs(self, names: Iterable[str]) -> str:
        return "\n".join(
            f"{name}: {self.servers[name].log.read_text()[-3000:]}" for name in names if name in self.servers
        )


SETTINGS = {
    "RECO_ENGINE": "embedded",
    "RECO_SOURCE": "synthetic",
    "SYNTHETIC_USERS": "60",
    "SYNTHETIC_MOVIES": "80",
    "SYNTHETIC_RATINGS": "3000",
    "ALS_RANK": "4",
    "RANKING_RANK": "4",
}
