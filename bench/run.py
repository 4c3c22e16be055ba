"""`make bench`: time, rows per second and peak memory of each stage, per data set and engine.

Each data set and engine runs in a process of its own, from CSV files to gold tables, as a user's run does.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
MOVIELENS = HERE.parents[1] / "shared" / "data" / "ml-latest-small"
SHAPES = {"synthetic-1m": (6_000, 4_000, 1_000_000), "synthetic-20m": (138_000, 27_000, 20_000_000)}
DEFAULT = ("ml-latest-small", "synthetic-1m")
CHOICES = (*DEFAULT, "synthetic-20m")
ENGINES = ("embedded", "spark")


@dataclass(frozen=True)
class Stage:
    """One measured stage; peak memory is of the process and its children at one moment."""

    dataset: str
    engine: str
    stage: str
    seconds: float
    rows_per_second: float
    peak_mib: float


def main() -> None:
    """Run what the command line asks for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=CHOICES, default=list(DEFAULT))
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "bench.json")
    arguments = parser.parse_args()
    stages: list[Stage] = []
    for dataset in arguments.data:
        with csv_files(dataset, arguments.movielens) as folder:
            for engine in arguments.engine:
                stages += measure(dataset, engine, folder)
    document = {"machine": machine(), "stages": [asdict(stage) for stage in stages]}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    print_table(stages)
    print(f"Written to {arguments.output}")


@contextmanager
def csv_files(dataset: str, movielens: Path) -> Iterator[Path]:
    """The data set as MovieLens CSV files; synthetic ones are written to a temporary folder first."""
    if dataset not in SHAPES:
        if not movielens.is_dir():
            sys.exit(f"{dataset} is not at {movielens}: give its folder with --movielens")
        yield movielens
        return
    from reco_assets.sources.synthetic import source
    from resources.settings.source import SyntheticSettings

    users, movies, ratings = SHAPES[dataset]
    made = source(SyntheticSettings(users=users, movies=movies, ratings=ratings, seed=42))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("ratings", "movies", "tags"):
            table = getattr(made, name)
            with (Path(folder) / f"{name}.csv").open("w", newline="") as handle:
                writer = csv.writer(handle)
                writer.writerow(table.columns.names)
                for batch in table.batches():
                    raw = (column.to_pylist() for column in batch.columns[: len(table.columns.names)])
                    writer.writerows(zip(*raw, strict=True))
        yield Path(folder)


def measure(dataset: str, engine: str, folder: Path) -> list[Stage]:
    """Run `bench/stages.py` in a fresh process and lakehouse, watching the memory of it and its children."""
    with tempfile.TemporaryDirectory() as work:
        variables = {
            "RECO_ENGINE": engine,
            "LAKEHOUSE_PATH": f"{work}/lake",
            "RECO_SOURCE": "movielens",
            "RECO_SOURCE_PATH": str(folder),
            "SPARK_DRIVER_MEMORY": os.environ.get("SPARK_DRIVER_MEMORY", "8g"),
        }
        started = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, str(HERE / "stages.py")],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        stages = list(watch(child, dataset, engine))
        if child.wait() != 0:
            sys.exit(f"{dataset} on {engine} failed; see the error by running reco demo with the same variables")
    whole = time.monotonic() - started
    rows = stages[-1].rows_per_second * stages[-1].seconds
    peak = max(stage.peak_mib for stage in stages)
    return [*stages, Stage(dataset, engine, "whole process", whole, rows / whole, peak)]


def watch(child: "subprocess.Popen[str]", dataset: str, engine: str) -> Iterator[Stage]:
    """Turn the child's lines (JSON: stage, seconds, rows) into stages with the peak memory seen meanwhile."""
    import selectors

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
            return
        told = json.loads(line)
        seconds, rows = told["seconds"], told["rows"]
        yield Stage(dataset, engine, told["stage"], seconds, rows / seconds, peak)
        peak = 0.0


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its children (the JVM), in MiB; 0 for one that has ended.

    Not of their children: those the JVM starts to set file modes share its memory and would count it twice.
    """
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = {child for task in tasks for child in (task / "children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(_own_mib(process) for process in (str(pid), *children))


def _own_mib(pid: str) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {"cores": os.cpu_count(), "memory_gib": round(memory, 1), "python": platform.python_version()}


def print_table(stages: list[Stage]) -> None:
    """Print the stages."""
    table = Table("data", "engine", "stage", "seconds", "rows/s", "peak MiB")
    for column in table.columns[3:]:
        column.justify = "right"
    for stage in stages:
        figures = f"{stage.seconds:.1f}", f"{stage.rows_per_second:,.0f}", f"{stage.peak_mib:,.0f}"
        table.add_row(stage.dataset, stage.engine, stage.stage, *figures)
        if stage.stage == "whole process":
            table.add_section()
    Console().print(table)


if __name__ == "__main__":
    main()
