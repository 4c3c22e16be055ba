"""How long from the landing sensor's tick to the drift report, under a running daemon.

`python bench/loop.py`: the main job on the configured source into a folder of its own, then one file of about 1,000
rows after the other. Seconds count from the creation of the intake run, which the tick does, to the report's event;
beside it, from the file's appearance, which adds the two ticks that must see it unchanged.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import dagster as dg

from reco_assets.build import build_definitions
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.runner.demo import Running, dagster_running
from reco_assets.runner.run import materialize_assets
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import Settings, load_settings

REPORT = dg.AssetKey(["drift", "report"])
DEADLINE_SECONDS = 180.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()
        (home / "dagster.yaml").write_text((Path(__file__).parents[1] / "dagster.yaml").read_text())
        os.environ |= {"LAKEHOUSE_PATH": str(Path(folder, "lake")), "DAGSTER_HOME": str(home)}
        settings = load_settings()
        materialize_assets(build_definitions, settings, RECO_PIPELINE.assets)
        with dagster_running(settings) as running:
            found = [measure(settings, running, arguments.rows, seed) for seed in range(arguments.files)]
    for name, seconds in zip(("tick to report", "file to report"), zip(*found, strict=True), strict=True):
        print(f"{name}: median {statistics.median(seconds):.1f} s, min {min(seconds):.1f}, max {max(seconds):.1f}")


def measure(settings: Settings, running: Running, rows: int, seed: int) -> tuple[float, float]:
    """Drop one file; seconds from tick to report, and from file to report."""
    before = _newest(running)
    dropped = time.time()
    simulate(settings, Simulation("history", users=10**6, rows=rows, tilt=0.0, seed=seed), f"file-{seed}.csv")
    while time.time() < dropped + DEADLINE_SECONDS:
        filters = dg.AssetRecordsFilter(REPORT, after_storage_id=before or None)
        if found := running.instance.fetch_materializations(filters, limit=1, ascending=True).records:
            run = running.instance.get_run_record_by_id(found[0].run_id)
            assert run is not None
            return found[0].timestamp - run.create_timestamp.timestamp(), found[0].timestamp - dropped
        time.sleep(0.1)
    raise TimeoutError(f"no report within {DEADLINE_SECONDS:.0f} s; see {running.log}")


def _newest(running: Running) -> int:
    records = running.instance.fetch_materializations(REPORT, limit=1).records
    return records[0].storage_id if records else 0


if __name__ == "__main__":
    main()
