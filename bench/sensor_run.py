"""Ours: a file of ratings lands, a sensor starts a run, the run says whether it drifted; two JSON lines."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import dagster as dg

from reco_assets.batches.receipts import received_batches
from reco_assets.runner.demo import Running, dagster_running
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import load_settings

sys.path.append(str(Path(__file__).parent / "peers"))
from clock import stage, tell

SENSOR = "landing_sensor"
POLL_SECONDS, MOST_SECONDS = 0.1, 180.0

T = TypeVar("T")


def main() -> None:
    """Start Dagster; once its sensor looks, drop the file."""
    settings = load_settings()
    seed = len(received_batches(settings.storage.root))  # a file that came before would not be taken in again
    unshifted = Simulation("history", users=60, rows=None, tilt=0.0, seed=seed)
    with dagster_running(settings) as running:
        until(running, lambda: looks(running.instance))
        with stage("from the file to its drift report"):
            simulate(settings, unshifted, "bench.csv")
            run = until(running, lambda: ended(running.instance))
            assert run.dagster_run.is_success
            assert run.end_time is not None
            tell("sensor-started run", run.end_time - run.create_timestamp.timestamp(), 0.0)


def looks(instance: dg.DagsterInstance) -> bool:
    """Whether the sensor has looked into the folder."""
    states = [state for state in instance.all_instigator_state() if state.instigator_name == SENSOR]
    return any(instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1) for state in states)


def ended(instance: dg.DagsterInstance) -> dg.RunRecord | None:
    """The run that the sensor started, once it has ended."""
    records = instance.get_run_records(dg.RunsFilter(tags={"dagster/sensor_name": SENSOR}), limit=1)
    return next((record for record in records if record.dagster_run.is_finished), None)


def until(running: Running, condition: Callable[[], T | None]) -> T:
    """What the condition returns once it is true. Raises `TimeoutError`."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"nothing within {MOST_SECONDS:.0f} s; Dagster said:\n{running.log.read_text()[-2000:]}")


if __name__ == "__main__":
    main()
