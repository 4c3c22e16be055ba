"""The drift loop with Dagster's web server, daemon and sensors really running: what `reco demo` shows."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from reco_assets.batches.receipts import received_batches
from reco_assets.pipelines.failures import last_failed_run
from reco_assets.pipelines.selections import CHAMPION
from reco_assets.sources.choose import is_without_source
from reco_assets.streaming.simulate import ShiftError, Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.dagster_home import open_instance
from resources.engine import give_back
from resources.errors import RecoError
from resources.loopback import free_port
from resources.orchestrator.webserver import AT_WORK
from resources.settings import Settings, load_settings

CONTROL_USERS = 60  # fewer whole users exceed the threshold by chance now and then: see docs/drift.md
TILTS = (-1.0, -0.5, -0.25)  # stars; ratings that are all low can be shifted by less
POLL_SECONDS = 0.5
WAIT_SECONDS = 300.0  # until a run begins; a report came after 128 s on two cores that had 30 processes to run
UNFINISHED = [dg.DagsterRunStatus(status) for status in AT_WORK]

T = TypeVar("T")
Tell = Callable[[str], None]  # says a line to a person


class DemoError(RecoError):
    """The demo did not see what it waited for in time."""


def demo_settings(synthetic: bool, tell: Tell) -> Settings:
    """The settings of the environment; where there are no ratings and no source, invented ones if `synthetic`."""
    settings = load_settings()
    if synthetic and is_without_source(settings):
        settings = load_settings(reco_source="synthetic")
        tell("There are no ratings yet and no source is set: RECO_SOURCE=synthetic for this lakehouse.")
    return settings


@dataclass(frozen=True)
class Running:
    """Dagster at work: its storage, the page to look at, and the log to look into."""

    instance: dg.DagsterInstance
    url: str
    log: Path


def watch_loop(settings: Settings, running: Running, tell: Tell) -> None:
    """Drop an unshifted file, then a shifted one, and say what the sensors make of them. Raises `DemoError`."""
    tell(f"\nDagster is running: {running.url}. Its sensors watch {settings.storage.landing}.")
    taken_in = len(received_batches(settings.storage.root))
    seed = settings.synthetic.seed + taken_in  # a second demo needs other files: content is identity
    after = _newest_event(running.instance, "drift/report")
    _drop(settings, tell, Simulation("history", CONTROL_USERS, None, 0.0, seed), "control.csv")
    control = _wait_for(running, "drift/report", after)
    _say_verdict(tell, "control.csv", control)
    after = _newest_event(running.instance, CHAMPION)
    if not drop_shifted(settings, tell, seed + 1):
        return
    shifted = _wait_for(running, "drift/report", control.storage_id)
    _say_verdict(tell, "shifted.csv, pooled with what waits", shifted)
    if not _values(shifted)["should_retrain"]:
        tell("These ratings don't tell the shift from chance, so nothing is retrained.")
        return
    decision = _wait_for(running, CHAMPION, after)
    _wait_until_ended(running, decision.run_id)
    decided = _values(decision)
    tell(f"Retrained: candidate {decided['candidate']} {decided['reason']}. Champion: {decided['champion']}.")


def drop_shifted(settings: Settings, tell: Tell, seed: int) -> bool:
    """Drop a file whose ratings are lower than they were, by as much as they can be; whether there is one."""
    for stars in TILTS:
        try:
            _drop(settings, tell, Simulation("history", 2 * CONTROL_USERS, None, stars, seed), "shifted.csv")
        except ShiftError as error:
            said = str(error)
        else:
            return True
    tell(f"{said} So no shifted file is dropped, and nothing is retrained.")
    return False


def show_loop(settings: Settings, tell: Tell) -> None:
    """Let Dagster run and show what it makes of two files. Raises `DemoError`."""
    if settings.storage.format != "delta":
        tell("The drift loop needs STORAGE_FORMAT=delta.")
        return
    give_back(settings)  # what Dagster starts would wait for the cores that this process has
    with dagster_running(settings) as running:
        watch_loop(settings, running, tell)


@contextmanager
def dagster_running(settings: Settings) -> Iterator[Running]:
    """Dagster's web server, daemon and code server on loopback, ended with the block."""
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.storage.root / "_dagster")))
    home.mkdir(parents=True, exist_ok=True)
    log, port = home / "demo.log", free_port()
    command = [sys.executable, "-m", "reco_assets.web", "dev", "-m", "reco_assets.definitions"]
    with log.open("w") as output, open_instance() as instance:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Running(instance, f"http://127.0.0.1:{port}", log)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # who presses Ctrl-C again doesn't want to wait
        os.killpg(process.pid, signal.SIGKILL)


def _drop(settings: Settings, tell: Tell, plan: Simulation, name: str) -> None:
    made = simulate(settings, plan, name)
    tell(f"\nDropped {name}: {made['rows']:,} ratings of {made['users']:,} users, mean {made['mean']:.2f} stars.")


def _wait_for(running: Running, asset: str, after: int) -> dg.EventLogRecord:
    """The first materialisation of an asset past a storage id. Raises `DemoError` after `WAIT_SECONDS`."""
    return _until(running, f"{asset} was not made", lambda: _events(running.instance, asset, after))[0]


def _wait_until_ended(running: Running, run_id: str) -> None:
    def ended() -> bool:
        run = running.instance.get_run_by_id(run_id)
        return run is not None and run.is_finished

    _until(running, f"run {run_id} did not end", ended)


def _until(running: Running, complaint: str, condition: Callable[[], T]) -> T:
    """What a condition comes to; waits while a run is at work, however slow the machine, and `WAIT_SECONDS` more.

    Raises `DemoError` there, or as soon as a run fails.
    """
    began, seen = datetime.now(UTC), time.monotonic()
    while time.monotonic() - seen < WAIT_SECONDS:
        if found := condition():
            return found
        if running.instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED)):
            seen = time.monotonic()
        if failed := last_failed_run(running.instance, began):
            raise DemoError(f"{complaint}, as {failed}. What Dagster said is in {running.log}.")
        time.sleep(POLL_SECONDS)
    raise DemoError(f"{complaint}, and for {WAIT_SECONDS:.0f} s no run was at work. Dagster's log: {running.log}.")


def _events(instance: dg.DagsterInstance, asset: str, after: int) -> list[dg.EventLogRecord]:
    filters = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset.split("/")), after_storage_id=after or None)
    return list(instance.fetch_materializations(filters, limit=1, ascending=True).records)


def _newest_event(instance: dg.DagsterInstance, asset: str) -> int:
    records = instance.fetch_materializations(dg.AssetKey(asset.split("/")), limit=1).records
    return records[0].storage_id if records else 0


def _values(record: dg.EventLogRecord) -> dict[str, Any]:
    materialization = record.asset_materialization
    return {name: value.value for name, value in materialization.metadata.items()} if materialization else {}


def _say_verdict(tell: Tell, name: str, report: dg.EventLogRecord) -> None:
    values = _values(report)
    verdict = "retraining" if values["should_retrain"] else "no retraining"
    tell(f"{name}: {values['reason']}: {verdict}. Report: {values['html']}")
