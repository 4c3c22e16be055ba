"""Runs a script in a process of its own and watches its memory; what the figures were measured on."""

import json
import os
import platform
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPO = HERE.parent
MOVIELENS = REPO / "data" / "bronze" / "movielens" / "ml-latest-small"  # of `reco data fetch ml-latest-small`
LOG_CHARACTERS = 2_000


class ScriptFailedError(Exception):
    """A script ended with an error; the message has the end of what it said."""


@dataclass
class Measured:
    """What one script took: every stage with its seconds, CPU seconds and peak memory, and the whole of it."""

    seconds: float
    peak_mib: float
    stages: list[dict[str, Any]] = field(default_factory=list)


def measure(command: list[str], variables: Mapping[str, str], log: Path) -> Measured:
    """Run a script that prints a line of JSON per stage; the memory is of it and its children at one moment.

    What it prints to standard error goes to `log`. Raises `ScriptFailedError`.
    """
    started = time.monotonic()
    # Where this process has had a session of Sail, pyspark would take this for the way to Spark in the other one too.
    outside = {name: value for name, value in os.environ.items() if name != "SPARK_CONNECT_MODE_ENABLED"}
    with log.open("w") as errors:
        child = subprocess.Popen(
            command, env={**outside, **variables}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            stages = list(_watch(child))
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if child.wait() != 0:
        raise ScriptFailedError(f"{' '.join(command)} failed:\n{log.read_text()[-LOG_CHARACTERS:]}")
    told = [stage for stage in stages if "stage" in stage]
    return Measured(time.monotonic() - started, max(stage["peak_mib"] for stage in stages), told)


def _watch(child: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    """The child's lines with the peak memory seen meanwhile; the last one has no name and is of the rest."""
    assert child.stdout is not None
    selector = selectors.DefaultSelector()
    selector.register(child.stdout, selectors.EVENT_READ)
    peak = 0.0
    while True:
        ready = selector.select(timeout=0.1)
        peak = max(peak, resident_mib(child.pid))
        if not ready:
            continue
        line = child.stdout.readline()
        if not line:
            yield {"peak_mib": peak}
            return
        if line.startswith('{"stage"'):
            yield json.loads(line) | {"peak_mib": peak}
            peak = 0.0


def resident_mib(pid: int) -> float:
    """Resident memory of a process and those below it (the JVM, Dagster's servers), in MiB; 0 for one that has ended.

    Not of what the JVM starts to set file modes: they share its memory and would count it twice.
    """
    return sum(_own_mib(process) for process in family(str(pid)))


def family(pid: str) -> Iterator[str]:
    """The ids of a process and of those below it, but of what a JVM has started."""
    yield pid
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() == "java":
            return
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = {child for task in tasks for child in (task / "children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from family(child)


def _own_mib(pid: str) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def machine() -> dict[str, Any]:
    """What the figures were measured on; load: of the 15 minutes before."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    models = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[2], 1),
    }
