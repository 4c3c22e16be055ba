"""`.venv-spark/bin/python bench/driver_memory.py`: what Spark's driver holds while the main job runs, by ratings.

One driver goes through the sizes, the smallest first, and says after each stage the most that it has held so far: its
Python and its JVM. The executor is a process of a cluster on this machine, which is started for it. With
SPARK_IN_MEMORY_ROWS=0 each table is worked on as one that is too large for the driver, whatever its size. What comes
before the first stage is made by this process, straight from arrays. Models are small (rank 8, one iteration), as their
memory is that of the items. Prints a line of JSON for each stage, and at the end the most by size.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM, signal
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from made_tables import make_raw, make_sides
from measuring import HERE, measure

from resources.loopback import free_ports
from resources.settings import load_settings
from resources.spark_conf import JAVA_OPTIONS
from resources.tables.lakehouse import Lakehouse
from tools.cluster import Cluster, Ports, down, up

SIZES = (1_000_000, 4_000_000, 16_000_000)
MODEL = ("train", "evaluate", "serve")
STAGES = ("silver", "split", "futures", *MODEL)
HEAP = "640m"
SETTINGS = {
    "RECO_ENGINE": "spark",
    "SPARK_IN_MEMORY_ROWS": "0",
    "SPARK_DRIVER_MEMORY": HEAP,
    "SPARK_CORES_MAX": "2",
    # The executor's as the driver's JVM: what runs for some seconds is not worth compiling thoroughly.
    # The driver has its heap from the start, as the collector would else take what it may at its own pace.
    "SPARK_CONF": f"spark.executor.defaultJavaOptions={' '.join(JAVA_OPTIONS)};"
    f"spark.driver.extraJavaOptions=-Xms{HEAP} -XX:+AlwaysPreTouch",
    "ALS_RANK": "8",
    "ALS_MAX_ITER": "1",
    "RANKING_RANK": "8",
    "RANKING_MAX_ITER": "1",
    "PROMOTION_BOOTSTRAP_SAMPLES": "199",
    "EVENTS_SIMULATE": "off",
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--model-only", action="store_true", help="training, judging and lists, of a split that is there"
    )
    parser.add_argument("--executor-mb", type=int, default=2048, help="the heap of the executor, which has two cores")
    arguments = parser.parse_args()
    stages = MODEL if arguments.model_only else STAGES
    signal(SIGTERM, lambda *_: sys.exit("ended"))  # and the cluster with it
    held = held_by_size(arguments.ratings, stages, arguments.executor_mb)
    print(*map(json.dumps, held), json.dumps(highest(held)), sep="\n")


def held_by_size(sizes: Sequence[int], stages: Sequence[str], executor_mb: int = 2048) -> list[dict[str, Any]]:
    """Run the stages at each number of ratings, one after the other, in one driver.

    Returns for each stage its `ratings`, `seconds`, and the most MiB held so far, by `python` and by `java`.
    """
    with tempfile.TemporaryDirectory() as folder, _cluster(Path(folder, "cluster"), executor_mb) as master:
        roots = [Path(folder, str(ratings)) for ratings in sorted(sizes)]
        for root in roots:
            make = make_raw if stages == STAGES else make_sides
            make(Lakehouse.open(load_settings(lakehouse_path=root, reco_engine="embedded")), int(root.name))
        variables = SETTINGS | {"SPARK_MASTER": master, "SPARK_EXECUTOR_MEMORY": f"{executor_mb}m"}
        program = [sys.executable, str(HERE / "driver_stages.py"), ",".join(stages), *map(str, roots)]
        found = measure(program, variables, Path(folder, "log")).stages
    return [{"ratings": int(stage.pop("lakehouse")), **stage} for stage in found]


def highest(held: Sequence[dict[str, Any]]) -> dict[int, int]:
    """{number of ratings: the most MiB that the driver had held when it was through with them}."""
    return {stage["ratings"]: stage["python"] + stage["java"] for stage in held}


@contextmanager
def _cluster(folder: Path, executor_mb: int) -> Iterator[str]:
    asked = Cluster(folder, workers=1, cores=2, memory_mb=executor_mb, connect=False, ports=Ports(*free_ports(4)))
    try:
        yield up(asked)["SPARK_MASTER"]
    finally:
        down(folder)


if __name__ == "__main__":
    main()
