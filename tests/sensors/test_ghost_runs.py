"""Which runs are ghosts, and that after a kill of daemon, code server and run together the queue moves again."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.events import EngineEventData

from drift_sensors.ghost_runs import (
    CLOCK_SLACK_SECONDS,
    FORKED,
    LEFT_ALONE_SECONDS,
    RunProcess,
    decide,
    end_leftovers,
    fail_ghost_runs,
    ghost_run_sensor,
    process_started,
    run_process,
)
from drift_sensors.run_servers import has_run, never_started
from reco_assets.tables import HEAVY_POOL
from resources.orchestrator.dagster_private import GRPC_INFO_TAG

REPOSITORY = Path(__file__).resolve().parents[2]
SEEN = 1_000_000.0
NO_LAKE = Path("/nowhere/at/all")


def starts(**processes: float) -> Callable[[int], float | None]:
    return {int(name.removeprefix("pid")): start for name, start in processes.items()}.get


def test_a_run_whose_process_is_gone_is_a_ghost() -> None:
    reason = decide(RunProcess("here", 7, SEEN), "here", starts())
    assert reason is not None
    assert reason.startswith("Its process 7 on here is gone")


def test_a_run_whose_process_lives_is_none() -> None:
    assert decide(RunProcess("here", 7, SEEN), "here", starts(pid7=SEEN - 60)) is None


def test_a_process_younger_than_what_the_run_wrote_is_another_one() -> None:
    reason = decide(RunProcess("here", 7, SEEN), "here", starts(pid7=SEEN + 60))
    assert reason is not None
    assert "a younger process has its number now" in reason


def test_clocks_that_differ_by_a_moment_make_no_ghost() -> None:
    assert decide(RunProcess("here", 7, SEEN), "here", starts(pid7=SEEN + CLOCK_SLACK_SECONDS)) is None


def test_a_run_on_another_host_is_left_alone() -> None:
    assert decide(RunProcess("there", 7, SEEN), "here", starts()) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_code_server_on_the_loopback_address_is_on_this_host(host: str) -> None:
    assert decide(RunProcess(host, 7, SEEN), "here", starts()) is not None


def test_this_process_is_found_with_its_start() -> None:
    started = process_started(os.getpid())
    assert started is not None
    assert started <= time.time()


def test_a_process_that_ended_is_not_found_even_while_its_parent_has_not_asked_for_its_status() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert process_started(child.pid) is None
    child.wait()
    assert process_started(child.pid) is None


def test_a_thread_that_has_the_number_is_no_process() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    assert thread.native_id is not None
    assert process_started(thread.native_id) is None
    release.set()
    thread.join()


@pytest.fixture(scope="module")
def instance() -> Iterator[DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def begin(
    instance: DagsterInstance,
    pid: int | None,
    status: DagsterRunStatus = DagsterRunStatus.STARTED,
    server: dict[str, object] | None = None,
) -> DagsterRun:
    """A run as the storage shows it once its process wrote down its id."""
    run = instance.create_run_for_job(
        dg.JobDefinition(name="stream_intake", graph_def=dg.GraphDefinition("empty")),
        status=status,
        tags={GRPC_INFO_TAG: json.dumps(server)} if server else {},
    )
    if pid is not None:
        instance.report_engine_event(f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid))
    return run


def is_failed(instance: DagsterInstance, run: DagsterRun) -> bool:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status is DagsterRunStatus.FAILURE


def none_alive(_pid: int) -> None:
    return None


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
def test_a_ghost_is_failed_with_its_reason(instance: DagsterInstance, status: DagsterRunStatus) -> None:
    run = begin(instance, 7, status)
    assert fail_ghost_runs(instance, NO_LAKE, none_alive) == [run.run_id]
    assert is_failed(instance, run)
    (event,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "Its process 7 on" in event.get_dagster_event().message


def test_a_run_of_a_live_process_is_not_touched(instance: DagsterInstance) -> None:
    run = begin(instance, os.getpid())
    assert fail_ghost_runs(instance, NO_LAKE) == []
    assert not is_failed(instance, run)
    instance.report_run_canceled(run)


def test_a_run_that_has_not_yet_named_its_process_is_not_touched(instance: DagsterInstance) -> None:
    run = begin(instance, None)
    assert fail_ghost_runs(instance, NO_LAKE, none_alive) == []
    instance.report_run_canceled(run)


def test_a_run_that_ended_is_not_touched(instance: DagsterInstance) -> None:
    begin(instance, 7, DagsterRunStatus.SUCCESS)
    assert fail_ghost_runs(instance, NO_LAKE, none_alive) == []


def test_a_run_that_ends_while_it_is_looked_at_keeps_its_end(instance: DagsterInstance) -> None:
    run = begin(instance, 7)

    def ends(_pid: int) -> None:
        instance.report_run_canceled(run)

    assert fail_ghost_runs(instance, NO_LAKE, ends) == []
    assert not is_failed(instance, run)


def test_the_host_of_a_run_is_that_of_the_code_server_that_forked_it(instance: DagsterInstance) -> None:
    for server, host in [({"host": "code", "port": 4000}, "code"), ({"host": "x", "socket": "/s"}, "localhost")]:
        run = begin(instance, 7, server=server)
        process = run_process(instance, run)
        assert process is not None
        assert (process.host, process.pid) == (host, 7)
        instance.report_run_canceled(run)


def test_a_run_of_a_command_is_on_this_host_where_the_storage_is_a_local_file() -> None:
    with dg.instance_for_test() as local, DagsterInstance.ephemeral() as elsewhere:
        found = [run_process(instance, begin(instance, 7)) for instance in (local, elsewhere)]
    assert [process and process.host for process in found] == ["localhost", None]


SERVER: dict[str, object] = {"host": "localhost", "socket": "/nowhere/at/all"}


@pytest.mark.parametrize(
    ("waited", "answer", "ghost"),
    [(5.0, False, False), (15.0, False, True), (15.0, True, False), (15.0, None, False)],
)
def test_a_run_that_no_server_will_start_is_a_ghost_after_a_moment(
    instance: DagsterInstance, waited: float, answer: bool | None, ghost: bool
) -> None:
    run = begin(instance, None, DagsterRunStatus.STARTING, SERVER)
    assert bool(never_started(run, waited, lambda _server, _run_id: answer)) is ghost
    instance.report_run_canceled(run)


def test_a_server_that_is_gone_has_no_run_and_of_one_elsewhere_that_is_silent_nothing_is_known() -> None:
    assert has_run(SERVER, "run") is False
    assert has_run({"host": "nowhere.invalid", "port": 4000}, "run") is None


def test_what_is_left_of_a_run_that_was_ended_is_killed_after_a_while(instance: DagsterInstance) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", FORKED])
    run = begin(instance, child.pid, server=SERVER)
    instance.report_run_canceled(run)
    assert end_leftovers(instance, time.time()) == []
    assert child.poll() is None
    assert end_leftovers(instance, time.time() + LEFT_ALONE_SECONDS + 1) == [run.run_id]
    assert child.wait(10) == -signal.SIGKILL
    assert end_leftovers(instance, time.time() + LEFT_ALONE_SECONDS + 1) == []


@pytest.mark.parametrize("server", [None, SERVER])
def test_no_process_is_killed_but_those_made_for_one_run(
    instance: DagsterInstance, server: dict[str, object] | None
) -> None:
    instance.report_run_canceled(begin(instance, os.getpid(), server=server))
    assert end_leftovers(instance, time.time() + LEFT_ALONE_SECONDS + 1) == []


def test_the_sensor_runs_unless_someone_stops_it_and_says_what_it_found(instance: DagsterInstance) -> None:
    sensor = ghost_run_sensor(NO_LAKE)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    tick = sensor.evaluate_tick(dg.build_sensor_context(instance))
    assert tick.skip_message == "Every run has its process."


def test_the_queue_knows_the_pool_of_heavy_runs_before_one_asks_for_it() -> None:
    limits = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())["concurrency"]
    with dg.instance_for_test(overrides={"concurrency": limits}) as instance:
        for _ in range(2):
            ghost_run_sensor(NO_LAKE).evaluate_tick(dg.build_sensor_context(instance))
        assert [(pool.name, pool.limit) for pool in instance.event_log_storage.get_pool_limits()] == [(HEAVY_POOL, 1)]


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.1)


def session(leader: int) -> list[int]:
    """The live processes of a session."""
    with_session = {}
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                with_session[process.pid] = os.getsid(process.pid)
    return [pid for pid, owner in with_session.items() if owner == leader]


CODE_LOCATION = """
import os, pathlib, signal, time
import dagster as dg
from drift_sensors.ghost_runs import ghost_run_sensor
from reco_assets.tables import HEAVY_POOL

@dg.op(pool=HEAVY_POOL)
def hang_once():
    marker = pathlib.Path(os.environ["MARKER"])
    if not marker.exists():
        marker.touch()
        time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def heavy():
    hang_once()

@dg.op
def pass_by():
    ...

@dg.job(executor_def=dg.in_process_executor)
def intake():
    pass_by()

@dg.op(pool=HEAVY_POOL)
def ignore_everything():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)

@dg.job(tags={"dagster/max_runtime": "2"}, executor_def=dg.in_process_executor)
def hanging():
    ignore_everything()

ghosts = ghost_run_sensor(pathlib.Path("lake"), interval_seconds=1, left_alone=1)
defs = dg.Definitions(jobs=[heavy, intake, hanging], sensors=[ghosts])
"""


class Platform:
    """Daemon and code server of one small code location, on the platform's own dagster.yaml."""

    def __init__(self, home: Path) -> None:
        self.home = home
        shutil.copy(REPOSITORY / "dagster.yaml", home)
        (home / "location.py").write_text(CODE_LOCATION)
        environment = {"DAGSTER_HOME": str(home), "MARKER": str(home / "hangs"), "PYTHONPATH": str(REPOSITORY)}
        self.environment = os.environ | environment
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "dagster._daemon", "run", "-f", "location.py"]
        with (self.home / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                command, cwd=self.home, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def submit(self, job: str = "heavy") -> None:
        command = [sys.executable, "-m", "dagster", "job", "launch", "-f", "location.py", "-j", job]
        subprocess.run(command, cwd=self.home, env=self.environment, check=True, capture_output=True, timeout=60)

    def kill_all(self) -> None:
        """kill -9 of the daemon, its code server and the run, which are one session, all at once."""
        if self.daemon is not None:
            for pid in session(self.daemon.pid):
                os.kill(pid, signal.SIGKILL)
            self.daemon.wait()
            wait_for(lambda: not session(self.daemon.pid))
            self.daemon = None


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    platform = Platform(tmp_path)
    yield platform
    platform.kill_all()


@pytest.mark.slow
def test_runs_without_tags_take_turns_and_one_killed_with_daemon_and_code_server_makes_way_after_the_restart(
    platform: Platform,
) -> None:
    # The instance comes first: two processes that make its sqlite files at once stop one another.
    with DagsterInstance.from_config(str(platform.home)) as instance:

        def statuses() -> list[DagsterRunStatus]:
            return [run.status for run in reversed(instance.get_runs())]

        platform.start()
        platform.submit()
        platform.submit()
        wait_for((platform.home / "hangs").exists)
        platform.submit("intake")
        meanwhile = [DagsterRunStatus.STARTED, DagsterRunStatus.QUEUED, DagsterRunStatus.SUCCESS]
        wait_for(lambda: statuses() == meanwhile)
        platform.kill_all()
        assert statuses() == meanwhile
        platform.start()
        wait_for(lambda: statuses() == [DagsterRunStatus.FAILURE, *[DagsterRunStatus.SUCCESS] * 2])


@pytest.mark.slow
def test_a_run_that_hangs_and_takes_no_signal_is_ended_with_its_process_and_the_queue_moves(platform: Platform) -> None:
    settings = platform.home / "dagster.yaml"
    settings.write_text(settings.read_text().replace("poll_interval_seconds: 30", "poll_interval_seconds: 1"))
    with DagsterInstance.from_config(str(platform.home)) as instance:

        def statuses() -> list[DagsterRunStatus]:
            return [run.status for run in reversed(instance.get_runs())]

        (platform.home / "hangs").touch()  # the run behind it does not hang
        platform.start()
        platform.submit("hanging")
        platform.submit()
        wait_for(lambda: statuses() == [DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS], 120)
        hanging = instance.get_runs(dg.RunsFilter(job_name="hanging"))[0]
        process = run_process(instance, hanging)
        assert process is not None
        wait_for(lambda: process_started(process.pid) is None)
