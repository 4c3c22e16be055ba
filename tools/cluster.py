"""A Spark cluster on this machine, from the installed PySpark: a standalone master, workers and a Connect server.

`python -m tools.cluster up` starts what isn't running, waits until all of it is ready, and prints SPARK_MASTER and
SPARK_REMOTE, which `.cluster/cluster.env` keeps; `down` ends what `up` started, and nothing else. Everything listens on
the loopback address. Each part has a working folder, a home and a temporary folder of its own, and of this shell's
variables none but PATH and JAVA_HOME: what a worker shares with the driver are the programs and the lakehouse's path.
"""

import argparse
import json
import os
import sys
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPException
from pathlib import Path

from resources.engine import require_java, require_spark
from resources.errors import RecoError
from resources.files import write_text_atomically
from resources.locking.locks import MAKING_SECONDS, held
from resources.loopback import HOST, free_ports, listens
from resources.settings import load_settings
from resources.spark_conf import spark_conf
from tools.processes import Program, StartError, end, process_of, start

CONNECT_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
# Neither master nor worker computes: with the compiler C1 alone they start sooner.
KEPT = "cluster.json"  # what runs in a folder, as it was asked for
DAEMON = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}


@dataclass(frozen=True)
class Ports:
    """Where the master, its pages, the Connect server and its pages listen."""

    master: int = 7077
    master_ui: int = 8080
    connect: int = 15002
    connect_ui: int = 4040


@dataclass(frozen=True)
class Cluster:
    """What is asked for, below a folder of its own.

    Each worker gives `cores` and `memory_mb` (of an executor's JVM) to one application of SPARK_MASTER, and as much
    again to the Connect server, which is an application too.
    """

    home: Path
    workers: int = 2
    cores: int = 1
    memory_mb: int = 1024
    connect: bool = True
    ports: Ports = field(default_factory=Ports)

    @property
    def addresses(self) -> dict[str, str]:
        """{SPARK_MASTER: its address, SPARK_REMOTE: that of the Connect server}."""
        remote = {"SPARK_REMOTE": f"sc://{HOST}:{self.ports.connect}"} if self.connect else {}
        return {"SPARK_MASTER": self.master} | remote

    @property
    def master(self) -> str:
        """The master's address."""
        return f"spark://{HOST}:{self.ports.master}"


def up(cluster: Cluster) -> dict[str, str]:
    """Start what isn't running, and wait until it is ready; return its addresses. One that runs keeps its ports.

    Raises `StartError`, also where what runs was asked for otherwise, or a port is another program's; `EngineError`.
    """
    require_spark()
    require_java()
    with held(cluster.home / ".lock", f"the cluster of {cluster.home}", MAKING_SECONDS):
        cluster = _as_it_runs(cluster)
        _require_ports(cluster)
        write_text_atomically(cluster.home / KEPT, json.dumps(asdict(cluster), default=str))
        # A worker needs the master, an application workers.
        start([_master(cluster)])
        start([_worker(cluster, number) for number in range(1, cluster.workers + 1)])
        if cluster.connect:
            start([_connect_server(cluster)])
        lines = [f"{name}={value}\n" for name, value in cluster.addresses.items()]
        write_text_atomically(cluster.home / "cluster.env", "".join(lines))
    return cluster.addresses


def down(home: Path) -> list[str]:
    """End what `up` started in this folder, of which the logs stay; return the names of what ran."""
    if not home.is_dir():
        return []
    with held(home / ".lock", f"the cluster of {home}", MAKING_SECONDS):
        found = [Program(file.parent, (), {}, bool) for file in home.glob("*/pid")]
        # The master last: a worker that lost it would look for it.
        ended = end([program for program in found if program.folder.name != "master"])
        ended += end([program for program in found if program.folder.name == "master"])
        for name in ("cluster.env", KEPT):
            (home / name).unlink(missing_ok=True)
    return sorted(ended)


def _as_it_runs(cluster: Cluster) -> Cluster:
    """With the ports of the cluster that runs in this folder. Raises `StartError` where that one is another."""
    if not any(process_of(file.parent) for file in cluster.home.glob("*/pid")):
        return cluster
    # Its workers offer cores and memory for what was asked for then: another application would wait for ever.
    known = json.loads((cluster.home / KEPT).read_text(encoding="utf-8"))
    running = Cluster(**known | {"home": cluster.home, "ports": Ports(**known["ports"])})
    if replace(cluster, ports=running.ports) != running:
        raise StartError(
            f"The cluster in {cluster.home} runs with --workers {running.workers} --cores {running.cores} --memory-mb "
            f"{running.memory_mb}{'' if running.connect else ' --no-connect'}. Ask for the same, or end it first: "
            "make cluster-down."
        )
    return running


def _require_ports(cluster: Cluster) -> None:
    """Raise `StartError` where another program has a port of ours: our workers would join its master."""
    ports = cluster.ports
    needed = {"master": (ports.master, ports.master_ui), "connect": (ports.connect,) if cluster.connect else ()}
    stopped = [name for name in needed if process_of(cluster.home / name) is None]
    for port in (port for name in stopped for port in needed[name] if listens(port)):
        raise StartError(
            f"Another program listens on port {port} of {HOST}, which this cluster needs. End that one, or take any "
            "free ports: make cluster-up ARGS=--free-ports."
        )


def _master(cluster: Cluster) -> Program:
    ports = cluster.ports
    listening = ["--host", HOST, "--port", str(ports.master), "--webui-port", str(ports.master_ui)]
    command = ["spark-class", "org.apache.spark.deploy.master.Master", *listening]
    return _program(cluster, "master", command, lambda: listens(ports.master) and alive_workers(ports) >= 0)


def _worker(cluster: Cluster, number: int) -> Program:
    name, shares = f"worker-{number}", 2 if cluster.connect else 1
    sizes = ["--cores", str(cluster.cores * shares), "--memory", f"{cluster.memory_mb * shares}m"]
    place = ["--host", HOST, "--webui-port", "0", "--work-dir", str(cluster.home / name / "work")]
    command = ["spark-class", "org.apache.spark.deploy.worker.Worker", *place, *sizes, cluster.master]
    return _program(cluster, name, command, lambda: alive_workers(cluster.ports) >= cluster.workers)


def _connect_server(cluster: Cluster) -> Program:
    command = ["spark-submit", "--class", CONNECT_SERVER, "--name", "Spark Connect"]
    for name, value in _connect_conf(cluster).items():
        command += ["--conf", f"{name}={value}"]
    return _program(cluster, "connect", [*command, "spark-internal"], lambda: listens(cluster.ports.connect))


def _connect_conf(cluster: Cluster) -> dict[str, str]:
    folder = cluster.home / "connect" / "work"
    settings = load_settings(
        reco_engine="spark",
        spark_master=cluster.master,
        spark_remote=None,
        spark_cores_max=cluster.cores * cluster.workers,
        spark_executor_cores=cluster.cores,
        spark_executor_memory=f"{cluster.memory_mb}m",
    )
    return dict(spark_conf(settings)) | {
        "spark.ui.port": str(cluster.ports.connect_ui),
        "spark.checkpoint.dir": str(folder / "checkpoints"),
        "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(cluster.ports.connect),
    }


def _program(cluster: Cluster, name: str, command: Sequence[str], is_ready: Callable[[], bool]) -> Program:
    import pyspark

    spark, folder = Path(pyspark.__file__).parent, cluster.home / name
    own = {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "SPARK_HOME": str(spark),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "PYSPARK_PYTHON": sys.executable,
    }
    daemon = DAEMON if command[0] == "spark-class" else {}
    outer = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    return Program(folder, [str(spark / "bin" / command[0]), *command[1:]], outer | own | daemon, is_ready)


def alive_workers(ports: Ports) -> int:
    """How many workers the master knows; -1 where it doesn't answer yet."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOST}:{ports.master_ui}/json/", timeout=5) as answer:
            return int(json.load(answer)["aliveworkers"])
    except (OSError, ValueError, HTTPException):  # its first answers, before the page is ready, are empty
        return -1


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=str(__doc__).partition("\n")[0])
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("--home", type=Path, default=Path(".cluster"), help="where its logs and processes' ids lie")
    parser.add_argument("--workers", type=int, default=Cluster.workers)
    parser.add_argument("--cores", type=int, default=Cluster.cores, help="of each worker, for one application")
    parser.add_argument("--memory-mb", type=int, default=Cluster.memory_mb, help="of each worker, for one application")
    parser.add_argument("--no-connect", dest="connect", action="store_false", help="without the Connect server")
    parser.add_argument("--free-ports", action="store_true", help="any that are free, for a cluster beside another one")
    asked = parser.parse_args()
    home = asked.home.absolute()
    if asked.verb == "down":
        print("Ended:", ", ".join(down(home)) or "nothing, as nothing ran")
        return
    ports = Ports(*free_ports(4)) if asked.free_ports else Ports()
    try:
        addresses = up(Cluster(home, asked.workers, asked.cores, asked.memory_mb, asked.connect, ports))
    except RecoError as error:
        sys.exit(f"error: {error}")
    print("\n".join(f"{name}={value}" for name, value in addresses.items()))


if __name__ == "__main__":
    main()
