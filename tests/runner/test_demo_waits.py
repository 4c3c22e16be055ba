"""What the demo waits for: as long as a run is at work, and no longer than until one fails."""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg
import pytest

from reco_assets.runner import demo
from reco_assets.runner.demo import DemoError, Running, _until


@dg.op
def work() -> None:
    raise ValueError("the disk is full")


@dg.job
def retraining() -> None:
    work()


@pytest.fixture
def running() -> Iterable[Running]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Running(instance, "http://127.0.0.1:1", Path("demo.log"))


def test_a_run_at_work_is_waited_for_beyond_the_limit(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(demo, "POLL_SECONDS", 0.01)
    running.instance.create_run_for_job(retraining, status=dg.DagsterRunStatus.STARTED)
    looks = iter([False] * 20 + [True])
    assert _until(running, "nothing came", lambda: next(looks))


def test_where_no_run_is_at_work_the_limit_holds(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "WAIT_SECONDS", 0.05)
    with pytest.raises(DemoError, match=r"nothing came, and for 0 s no run was at work\. .*demo\.log"):
        _until(running, "nothing came", lambda: False)


def test_a_run_that_fails_is_told_at_once_with_its_reason(running: Running) -> None:
    def failing() -> bool:
        retraining.execute_in_process(instance=running.instance, raise_on_error=False)
        return False

    with pytest.raises(DemoError, match=r"nothing came, as run .* of retraining failed: work: the disk is full"):
        _until(running, "nothing came", failing)
