"""`make bench-cluster`: the main job's stages on a standalone cluster of this machine, of one worker and of two.

Each worker has one core, and its processes are not the driver's, whose memory is told. Nothing is kept in memory that
can go through frames. On a machine of two cores the driver and two workers get in each other's way.
"""

import argparse
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from made_files import SHAPES, make
from measuring import HERE, REPO, Measured, machine, measure
from rich.console import Console
from rich.table import Table

SPARK = str(REPO / ".venv-spark" / "bin" / "python")
WORKERS = (1, 2)


def main() -> None:
    """Measure each number of workers, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SHAPES, default="1m")
    parser.add_argument("--memory-mb", type=int, default=2048, help="of each executor")
    parser.add_argument("--folder", type=Path, default=HERE / "results" / "cluster", help="files, lakehouses and logs")
    asked = parser.parse_args()
    files = make(asked.size, asked.folder / asked.size)
    found = {workers: measured(files, workers, asked.memory_mb, asked.folder) for workers in WORKERS}
    seconds = {
        str(workers): {stage["stage"]: stage["seconds"] for stage in of.stages} | {"all": of.seconds}
        for workers, of in found.items()
    }
    peaks = {str(workers): of.peak_mib for workers, of in found.items()}
    told = {"machine": machine(), "size": asked.size, "seconds": seconds, "driver_peak_mib": peaks}
    (asked.folder / f"{asked.size}.json").write_text(json.dumps(told, indent=2) + "\n")
    print_table(seconds, peaks)


def measured(files: Path, workers: int, memory_mb: int, folder: Path) -> Measured:
    """The main job by so many workers, in a new lakehouse."""
    lake, home = folder / "lake", folder / "dagster"
    for made in (lake, home):
        shutil.rmtree(made, ignore_errors=True)
    home.mkdir(parents=True)
    with cluster(folder / "cluster", workers, memory_mb) as master:
        variables = {
            "SPARK_MASTER": master,
            "SPARK_EXECUTOR_MEMORY": f"{memory_mb}m",
            "SPARK_CORES_MAX": str(workers),
            "SPARK_IN_MEMORY_ROWS": "0",
            "LAKEHOUSE_PATH": str(lake),
            "DAGSTER_HOME": str(home),
            "RECO_SOURCE": "movielens",
            "RECO_SOURCE_PATH": str(files),
        }
        return measure([SPARK, str(HERE / "stages.py")], variables, folder / f"workers-{workers}.log")


@contextmanager
def cluster(home: Path, workers: int, memory_mb: int) -> Iterator[str]:
    """The address of the master of a cluster that ends with the block."""
    command, place = [SPARK, "-m", "tools.cluster"], ["--home", str(home.absolute())]
    shape = ["--workers", str(workers), "--memory-mb", str(memory_mb), "--no-connect", "--free-ports"]
    try:
        told = subprocess.run([*command, "up", *place, *shape], cwd=REPO, stdout=-1, text=True, check=True).stdout
        yield told.splitlines()[0].partition("=")[2]
    finally:
        subprocess.run([*command, "down", *place], cwd=REPO, check=True)


def print_table(seconds: dict[str, dict[str, float]], peaks: dict[str, float]) -> None:
    """Seconds by stage, a column for each number of workers, and how many times faster the last is."""
    table = Table("", *(f"{workers} worker(s), s" for workers in seconds), "faster")
    first, *_, last = seconds.values()
    for name in first:
        table.add_row(name, *(f"{of[name]:.1f}" for of in seconds.values()), f"{first[name] / last[name]:.2f}")
    table.add_row("driver's memory, MiB", *(f"{peak:,.0f}" for peak in peaks.values()), "")
    Console().print(table)


if __name__ == "__main__":
    main()
