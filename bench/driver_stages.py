"""The main job in one driver on Spark, lakehouse after lakehouse: `driver_stages.py STAGE,STAGE LAKEHOUSE ...`.

It prints a line of JSON for each stage: the most memory that the driver has held since it started, and what of its heap
is live.
"""

import os
import sys
from collections import Counter
from pathlib import Path

from measuring import family
from stages import STAGES

from reco_assets.build import build_definitions
from reco_assets.runner.run import materialize_assets
from resources.settings import load_settings

sys.path.append(str(Path(__file__).parent / "peers"))
from clock import stage


def main() -> None:
    """Make what the command line asks for."""
    most = Counter({"python": 0, "java": 0})

    def look(*_: object) -> None:
        most.update({name: max(0, held - most[name]) for name, held in most_held().items()})

    for lakehouse in sys.argv[2:]:
        settings = load_settings(lakehouse_path=lakehouse)
        for name in sys.argv[1].split(","):
            with stage(name) as told:
                told["lakehouse"] = Path(lakehouse).name
                # At each event, as the ledger of what runs took lets every step begin with a peak of its own.
                materialize_assets(build_definitions, settings, STAGES[name], look)
                look()
                told.update(most, live=live())


def most_held() -> dict[str, int]:
    """The highest resident memory since the last reset, MiB: `java` of the JVM, `python` of all others."""
    held = Counter({"python": 0, "java": 0})
    for pid in family(str(os.getpid())):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        held["java" if status["Name"].strip() == "java" else "python"] += int(status["VmHWM"].split()[0]) // 1024
    return dict(held)


def live() -> int:
    """What of the JVM's heap is in use once all that nothing needs is collected, in MiB."""
    from pyspark import SparkContext

    java = SparkContext._jvm.java.lang
    java.System.gc()
    heap = java.Runtime.getRuntime()
    return (heap.totalMemory() - heap.freeMemory()) // (1 << 20)


if __name__ == "__main__":
    main()
