"""`make bench`: ours and the peers side by side, on the same files, one script after the other on an idle machine.

Every part is a process of its own, and is kept as bench/results/<size>/<part>.json when it ends, with the machine, the
commit and how busy the machine was: a run that was broken off goes on with the part that was missing. A part of another
commit or machine is measured again where it is asked for, else named and left out. Then the ratios are printed, and
bench/results/bench.json holds all of it; `--write` puts the table and the plot into docs/.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conditions import DRIVER_MEMORY, busy_cores, conditions, keep_to, set_by_hand, write_asked
from figures import SMALL, missed, print_ratios, write_documents
from made_files import SHAPES, make
from measuring import HERE, MOVIELENS, REPO, ScriptFailedError, measure

PEERS = HERE / "peers"
OWN, BY_HAND, SPARK = (str(REPO / folder / "bin" / "python") for folder in (".venv", ".venv-peers", ".venv-spark"))
SIZES = (SMALL, *SHAPES)
BUSY = 0.5  # cores of others, from which on a part is named
ONE_TABLE = ("gold/similar_movies", "-m", "reco_assets.definitions")


@dataclass(frozen=True)
class Place:
    """Where the files of a size are, and below which folder its lakehouses are made."""

    files: Path
    work: Path

    @property
    def asked(self) -> Path:
        """The file that says to the peers what ours does."""
        return self.work / "asked.json"


@dataclass(frozen=True)
class Part:
    """A script with its arguments, and the folders below `work` that it makes anew."""

    command: Callable[[Place], list[str]]
    makes: tuple[str, ...] = ()
    engine: str = "embedded"


def _peer(script: str, *folders: str) -> Callable[[Place], list[str]]:
    return lambda place: [BY_HAND, str(PEERS / script), *(str(place.work / folder) for folder in folders)]


def _asked(script: str, *folders: str, python: str = BY_HAND) -> Callable[[Place], list[str]]:
    return lambda place: [
        python,
        str(PEERS / script),
        str(place.asked),
        *(str(place.work / folder) for folder in folders),
    ]


def _from_files(script: str, lake: str) -> Callable[[Place], list[str]]:
    return lambda place: [BY_HAND, str(PEERS / script), str(place.asked), str(place.files), str(place.work / lake)]


def _own(script: str, *arguments: str, python: str = OWN) -> Callable[[Place], list[str]]:
    return lambda _: [python, str(HERE / script), *arguments]


def _own_part(name: str) -> Part:
    return Part(lambda place: [OWN, str(HERE / "own.py"), name, "--kept", str(place.work / "kept")])


def _checks(tool: str) -> Part:
    return Part(lambda place: [BY_HAND, str(PEERS / "checks.py"), tool, str(place.work / "ours")])


PARTS: Mapping[str, Part] = {
    "main": Part(_own("stages.py"), ("ours", "home")),
    "main_by_hand": Part(_from_files("main_job.py", "by_hand"), ("by_hand",)),
    "etl_duckdb": Part(_from_files("etl_duckdb.py", "duckdb"), ("duckdb",)),
    "fit": _own_part("fit"),
    "fit_implicit": Part(_asked("fit_implicit.py", "kept")),
    "fit_mllib": Part(_asked("fit_mllib.py", "kept", python=SPARK)),
    "checks": _own_part("checks"),
    "checks_pandera": _checks("pandera"),
    "checks_great_expectations": _checks("great_expectations"),
    "drift": _own_part("drift"),
    "drift_evidently": Part(_peer("drift.py", "ours")),
}
COLD_PARTS: Mapping[str, Part] = {
    "import_dagster": Part(lambda _: [OWN, "-c", "import dagster"]),
    "cold": Part(_own("cold.py"), ("ours", "home")),
    "materialize": Part(lambda _: [OWN, "-m", "dagster", "asset", "materialize", "--select", *ONE_TABLE]),
    "recommend": Part(lambda _: [OWN, "-m", "reco_assets.cli", "recommend", "--user", "42"]),
    "sensor_run": Part(_own("sensor_run.py"), ("home",)),
    "cold_spark": Part(_own("cold.py", python=SPARK), ("ours", "home"), "spark"),
}


def main() -> None:
    """Measure what the command line asks for, print the ratios, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="+", choices=SIZES, default=[SMALL, "100k", "1m"])
    parser.add_argument("--part", nargs="+", choices=(*PARTS, *COLD_PARTS), help="these parts alone")
    parser.add_argument("--without", nargs="+", choices=(*PARTS, *COLD_PARTS), default=[], help="all but these parts")
    parser.add_argument("--again", action="store_true", help="measure also what was measured before")
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument(
        "--results", type=Path, default=HERE / "results", help="folder for figures, files and lakehouses"
    )
    parser.add_argument(
        "--write", action="store_true", help="put what was measured into docs/performance.md and its plot"
    )
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="how many cores ours and the peers get")
    arguments = parser.parse_args()
    for variable in set_by_hand(os.environ):
        print(f"{variable} is not used: everything is measured by the defaults.")
        del os.environ[variable]
    keep_to(arguments.cores)
    now = conditions(arguments.cores)
    failed: list[str] = []
    for size in arguments.size:
        parts = COLD_PARTS if size == SMALL else PARTS
        wanted = {
            name: part
            for name, part in parts.items()
            if name in (arguments.part or parts) and name not in arguments.without
        }
        failed += run_parts(size, wanted, now, arguments)
    kept = {size: _kept(arguments.results / size) for size in SIZES}
    document = {"conditions": now, "sizes": {size: as_now(now, parts) for size, parts in kept.items()}}
    for size, parts in kept.items():
        if others := [name for name in parts if name not in as_now(now, parts)]:
            print(f"{size}: left out, as another commit or machine measured it: {', '.join(others)}")
    (arguments.results / "bench.json").write_text(json.dumps(document, indent=2) + "\n")
    print_ratios(document)
    if arguments.write:
        write_documents(document, REPO / "docs")
    over = missed(document)
    for line in over:
        print(f"Over a limit: {line}")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}. What they said is below {arguments.results}, in <size>/<part>.log.")
    if over:
        sys.exit(1)


def run_parts(size: str, parts: Mapping[str, Part], now: Mapping[str, Any], arguments: argparse.Namespace) -> list[str]:
    """Measure the parts of a size that were not measured as it is now, in their order; returns those that failed."""
    folder: Path = arguments.results / size
    place = Place(arguments.movielens if size == SMALL else folder / "files", folder / "work")
    (place.work / "kept").mkdir(parents=True, exist_ok=True)
    write_asked(place.asked, arguments.cores)
    if size != SMALL:
        make_files(size, place.files, now["commit"])
    elif not place.files.is_dir():
        sys.exit(
            f"{SMALL} is not at {place.files}: reco data fetch {SMALL}, or --movielens FOLDER, or --size without it"
        )
    failed = []
    for name, part in parts.items():
        if not arguments.again and name in as_now(now, _kept(folder)):
            continue
        for made in part.makes:
            shutil.rmtree(place.work / made, ignore_errors=True)
        others = busy_cores()
        print(f"{size}: {name} …{f' (others keep {others} cores busy)' if others > BUSY else ''}", flush=True)
        try:
            found = measure(part.command(place), _variables(place, part.engine), folder / f"{name}.log")
        except ScriptFailedError as error:  # the others are still worth measuring
            print(error, flush=True)
            failed.append(f"{size}/{name}")
            continue
        # Taken again: who changes the code meanwhile doesn't get a table of two commits.
        told = asdict(found) | {"conditions": conditions(arguments.cores), "others": others}
        (folder / f"{name}.json").write_text(json.dumps(told))
    return failed


def _variables(place: Place, engine: str) -> dict[str, str]:
    (place.work / "home").mkdir(exist_ok=True)
    shutil.copy(REPO / "dagster.yaml", place.work / "home" / "dagster.yaml")
    return {
        "RECO_ENGINE": engine,
        "LAKEHOUSE_PATH": str(place.work / "ours"),
        "RECO_SOURCE": "movielens",
        "RECO_SOURCE_PATH": str(place.files),
        "DAGSTER_HOME": str(place.work / "home"),
        "SPARK_DRIVER_MEMORY": DRIVER_MEMORY,
    }


def make_files(size: str, folder: Path, commit: str) -> None:
    """Make the files, also where they are there but another commit, with another generator maybe, made them."""
    maker = folder.with_name("files_made_by")
    if not maker.exists() or maker.read_text() != commit:
        shutil.rmtree(folder, ignore_errors=True)
        maker.write_text(commit)
    make(size, folder)


def _kept(folder: Path) -> dict[str, Any]:
    names = [name for name in (*PARTS, *COLD_PARTS) if (folder / f"{name}.json").exists()]
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in names}


def as_now(now: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The parts that were measured as it is now."""
    return {name: part for name, part in parts.items() if part.get("conditions") == now}


if __name__ == "__main__":
    main()
