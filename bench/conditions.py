"""What a run is measured under: the settings and cores that ours and the peers are given."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from peers.asked import Asked

from resources.settings import VARIABLES, Settings, load_settings

DRIVER_MEMORY = "8g"
_OURS = re.compile(r"(RECO|DAGSTER)_\w+|\w+_(NUM|MAX|WORKER)_THREADS")


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
