"""What a run is measured under: the commit, who else works here, what ours and the peers are given."""

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measuring import REPO, machine
from peers.asked import Asked

from resources.settings import VARIABLES, Settings, load_settings

MEASURED = ("reco_assets", "resources", "drift_sensors", "bench", "requirements", "dagster.yaml")
BUSY_SECONDS = 1.0
DRIVER_MEMORY = "8g"
_OURS = re.compile(r"(RECO|DAGSTER)_\w+|\w+_(NUM|MAX|WORKER)_THREADS")


def conditions(cores: int) -> dict[str, Any]:
    """What must be the same for figures that stand in one table."""
    return {name: value for name, value in machine().items() if name != "load"} | {"cores": cores, "commit": commit()}


def commit() -> str:
    """The last commit that changed what is measured; where files differ from it, a hash of how is added."""
    changes = _git("diff", "HEAD", "--", *MEASURED)
    told = f" with changes {hashlib.sha256(changes.encode()).hexdigest()[:7]}" if changes else ""
    return _git("log", "-1", "--format=%h", "--", *MEASURED) + told


def busy_cores() -> float:
    """How many cores the programs on this machine keep busy at this moment: what they use within a second."""
    before, idle_before = _ticks()
    time.sleep(BUSY_SECONDS)  # the measured second itself
    after, idle_after = _ticks()
    return round((1 - (idle_after - idle_before) / max(1, after - before)) * (os.cpu_count() or 1), 2)


def set_by_hand(environment: Mapping[str, str]) -> list[str]:
    """Variables that are settings of the platform or numbers of threads: without them all is measured by defaults."""
    return sorted(name for name in environment if name.upper() in VARIABLES or _OURS.fullmatch(name.upper()))


def keep_to(cores: int) -> None:
    """Let this process and those that it starts use so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def asked(settings: Settings, cores: int) -> Asked:
    """What ours does by its settings and the peers have to do, too."""
    split, ranking = settings.split, settings.ranking
    return Asked(
        rank=ranking.rank,
        iterations=ranking.max_iter,
        regularization=ranking.reg_param,
        alpha=ranking.alpha,
        seed=ranking.seed,
        liked_from=ranking.like_threshold,
        relevant_from=settings.judging.rating_threshold,
        listed=settings.serving.top_n,
        test=split.test_fraction,
        future=split.future_fraction,
        policy=split.policy(),
        cores=cores,
        driver_memory=DRIVER_MEMORY,
    )


def write_asked(path: Path, cores: int) -> None:
    """Write what the peers have to do to where they read it."""
    path.write_text(json.dumps(asdict(asked(load_settings(), cores)), indent=2) + "\n")


def _git(*arguments: str) -> str:
    """What git says; nothing where there is no repository."""
    return subprocess.run(["git", *arguments], cwd=REPO, capture_output=True, text=True, check=False).stdout.strip()


def _ticks() -> tuple[int, int]:
    """All ticks of all cores since the start of the machine, and the idle ones of them."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]
