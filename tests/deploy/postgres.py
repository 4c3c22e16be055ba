"""A new Postgres cluster on a loopback port, as the image makes one when its volume is new."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

START_SECONDS = 60


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the PATH, one folder for each version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max((folder.parent for folder in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


class Postgres:
    """Run by an unprivileged user, as Postgres refuses to run as root."""

    def __init__(self, programs: Path, port: int, environment: dict[str, str]) -> None:
        self.programs, self.port, self.environment = programs, port, environment
        # Not in pytest's folder, into which another user may not look.
        self.folder = Path(tempfile.mkdtemp(prefix="reco-postgres-"))
        self.owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        (self.folder / "password").write_text(environment["POSTGRES_PASSWORD"])

    def start(self, script: Path) -> None:
        """Make the cluster, its first database, and what a script adds."""
        if os.geteuid() == 0:
            for path in (self.folder, self.folder / "password"):
                shutil.chown(path, self.owner)
        data, user = str(self.folder / "data"), self.environment["POSTGRES_USER"]
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        password_file = f"--pwfile={self.folder / 'password'}"
        self._run("initdb", "-D", data, "-U", user, "--auth=scram-sha-256", password_file, "--no-sync")
        self._run("pg_ctl", "start", "-w", "-D", data, "-l", str(self.folder / "log"), "-o", options)
        connection = self.connect("postgres")
        connection.autocommit = True  # a database can't be made inside a transaction
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.environment['POSTGRES_DB']}")
        connection.close()
        self.run_script(script)

    def run_script(self, script: Path) -> None:
        """Run a shell script that calls psql, with the service's environment."""
        local = {"PATH": f"{self.programs}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(self.port)}
        local["PGPASSWORD"] = self.environment["POSTGRES_PASSWORD"]
        done = subprocess.run([script], env=local | self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def query(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def connect(self, database: str, user: str = "", password: str = "") -> Any:
        """A connection as the superuser, or as another role."""
        import psycopg2

        user, password = (
            (user, password) if user else (self.environment["POSTGRES_USER"], self.environment["POSTGRES_PASSWORD"])
        )
        return psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password, dbname=database)

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", self.owner, "--", *command]
        # Not captured: the server inherits the pipe, and reading it would wait for the server's end.
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(command, cwd="/", stdout=log, stderr=log, check=False, timeout=START_SECONDS)
        assert done.returncode == 0, (self.folder / "programs.log").read_text()
