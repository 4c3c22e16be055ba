"""Which tasks and runs are told to be past their SLA, once each, and that nothing is ended for it."""

import time
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import dagster as dg
import pytest
from dagster import DagsterEventType

from drift_sensors.slas import Late, Span, Told, late, load, sla_sensor, task_spans
from reco_assets.pipelines.spec import JobSpec, Limits, Task
from resources.calls.slack import SlackAlerts
from resources.settings import load_settings

HOUR = timedelta(hours=1)
LIMITS = Limits(retries=2, retry_delay=timedelta(minutes=5), sla=6 * HOUR, max_runtime=8 * HOUR)
SPEC = JobSpec(
    "job",
    "Of the test.",
    tasks=(Task("first", ("a", "b"), sla=HOUR), Task("second", ("c",), sla=4 * HOUR), Task("third", ("d",))),
    edges=(),
    limits=LIMITS,
)
RUN = Span(0.0)


pytestmark = pytest.mark.filterwarnings("ignore:Slack at:UserWarning")


def hours(count: float) -> float:
    return count * 3600.0


def test_a_task_and_a_run_past_their_slas_are_late_while_they_go_on() -> None:
    found = late(SPEC, RUN, {"first": Span(0.0, hours(0.5)), "second": Span(hours(1))}, now=hours(7))
    assert found == [Late("second", 4 * HOUR, 6 * HOUR, ended=False), Late("", 6 * HOUR, 7 * HOUR, ended=False)]


def test_a_task_that_ended_too_late_is_late_with_what_it_took() -> None:
    assert late(SPEC, RUN, {"first": Span(0.0, hours(1.5))}, now=hours(5)) == [Late("first", HOUR, 1.5 * HOUR, True)]


@pytest.mark.parametrize("span", [Span(0.0, hours(1)), Span(hours(4))])
def test_a_task_that_just_keeps_its_sla_is_not_late(span: Span) -> None:
    assert late(SPEC, RUN, {"first": span}, now=hours(5)) == []


def test_a_task_without_an_sla_is_never_late() -> None:
    assert late(SPEC, RUN, {"third": Span(0.0)}, now=hours(6)) == []


def test_a_pipeline_without_limits_has_no_late_run() -> None:
    assert late(JobSpec("job", "Of the test.", tasks=(), edges=()), RUN, {}, now=hours(100)) == []


def test_a_task_goes_from_its_first_steps_start_to_its_last_steps_end() -> None:
    task_of = {"a": "first", "b": "first", "c": "second"}
    assert task_spans(task_of, {"a": Span(1.0, 2.0), "b": Span(3.0, 4.0)}, None) == {"first": Span(1.0, 4.0)}
    assert task_spans(task_of, {"a": Span(1.0, 2.0), "b": Span(3.0)}, None) == {"first": Span(1.0)}


def test_a_task_with_a_step_that_never_began_goes_on_until_the_run_ends() -> None:
    task_of = {"a": "first", "b": "first"}
    assert task_spans(task_of, {"a": Span(1.0, 2.0)}, None) == {"first": Span(1.0)}
    assert task_spans(task_of, {"a": Span(1.0, 2.0)}, 9.0) == {"first": Span(1.0, 9.0)}


def test_what_is_late_is_said_in_plain_words() -> None:
    assert str(Late("second", 4 * HOUR, 5 * HOUR, False)) == "task second has been going on for 5 h, its SLA is 4 h"
    assert str(Late("", 6 * HOUR, 7 * HOUR, True)) == "the run took 7 h, its SLA is 6 h"


class Watch:
    """The sensor over one pipeline whose only task and whose run may take no time at all."""

    def __init__(self, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, url: str = "") -> None:
        nothing = timedelta(0)
        limits = Limits(retries=0, retry_delay=nothing, sla=nothing, max_runtime=8 * HOUR)
        self.spec = JobSpec(
            "job", "Of the test.", tasks=(Task("make", ("made",), sla=nothing),), edges=(), limits=limits
        )
        monkeypatch.setattr("drift_sensors.slas.SPEC_OF", {"job": self.spec})
        monkeypatch.setattr("reco_assets.pipelines.failures.SPEC_OF", {"job": self.spec})
        slack = {"slack_bot_token": "xoxb-1", "slack_channel": "#reco", "slack_api_url": url} if url else {}
        self.sensor = sla_sensor(load_settings(**slack), [self.spec])
        self.instance, self.cursor = instance, None
        self.tick()

    def tick(self) -> str:
        found = self.sensor.evaluate_tick(dg.build_sensor_context(self.instance, cursor=self.cursor))
        assert not found.run_requests
        self.cursor = found.cursor
        return str(found.skip_message)

    def run(self, during: Any = lambda: None) -> str:
        """A run of the pipeline; `during` is called while its task is at work."""

        @dg.asset(name="made")
        def made() -> None:
            during()

        defined = dg.Definitions(assets=[made], jobs=[dg.define_asset_job("job", [made])])
        return str(defined.resolve_job_def("job").execute_in_process(instance=self.instance).run_id)


NOTHING = "No run is newly past its SLA."


def test_a_late_task_and_a_late_run_are_told_once_while_they_go_on_and_are_not_ended(
    slack: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, words = Watch(instance, monkeypatch, slack.url), list[str]()
    run_id = watch.run(during=lambda: words.extend([watch.tick(), watch.tick()]))
    assert f"job, run {run_id}: task make has been going on for 0 min" in words[0]
    assert "the run has been going on for" in words[0]
    assert [words[1], watch.tick(), watch.tick()] == [NOTHING] * 3
    (text,) = slack.texts
    assert text.startswith(f":hourglass_flowing_sand: *job* is late (run `{run_id}`, date ")
    assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.SUCCESS


def test_a_run_that_came_and_went_between_two_ticks_is_told(
    slack: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(instance, monkeypatch, slack.url)
    watch.run()
    assert "task make took 0 min" in watch.tick()
    assert watch.tick() == NOTHING
    assert len(slack.texts) == 1


def test_a_run_that_ends_while_a_tick_looks_is_told_once(
    slack: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(instance, monkeypatch, slack.url)
    before = time.time()
    watch.run()
    with monkeypatch.context() as clock:
        clock.setattr("drift_sensors.slas.time.time", lambda: before)
        assert "task make took" in watch.tick()
    assert watch.tick() == NOTHING
    assert len(slack.texts) == 1


def test_what_slack_does_not_take_is_told_when_it_is_back_also_of_a_run_that_ended_meanwhile(
    slack: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, words = Watch(instance, monkeypatch, slack.url), list[str]()
    slack.answer = (503, b"")
    watch.run(during=lambda: words.append(watch.tick()))
    words.append(watch.tick())
    away = "Slack did not take an alert; it is sent again at the next tick."
    assert all(word.endswith(away) for word in words)
    assert watch.tick() == away
    slack.answer = (200, b'{"ok": true}')
    slack.requests.clear()
    assert [watch.tick(), watch.tick()] == [NOTHING] * 2
    (text,) = slack.texts
    assert "task make took" in text


def test_each_channel_hears_of_a_late_run_once_and_one_that_is_away_holds_up_no_other(
    slack: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Mock(label="ntfy")
    monkeypatch.setattr("drift_sensors.slas.channels", lambda settings: [SlackAlerts(settings), other])
    watch = Watch(instance, monkeypatch, slack.url)
    slack.answer = (503, b"")
    watch.run()
    assert watch.tick().endswith("Slack did not take an alert; it is sent again at the next tick.")
    slack.answer = (200, b'{"ok": true}')
    slack.requests.clear()
    assert [watch.tick(), watch.tick()] == [NOTHING] * 2
    assert (len(slack.texts), other.post.call_count) == (1, 1)


def test_without_slack_the_tick_and_the_runs_own_log_say_it(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(instance, monkeypatch)
    run_id = watch.run()
    assert "task make took" in watch.tick()
    logged = [entry.message for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)]
    assert [text for text in logged if text.startswith("Past its SLA: task make took")]


def test_runs_of_before_the_first_tick_and_of_other_pipelines_are_not_told(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Watch(instance, monkeypatch)
    first.run()
    assert Watch(instance, monkeypatch).tick() == NOTHING


def test_a_cursor_of_before_there_were_several_channels_is_read() -> None:
    assert load('{"since": 5.0, "runs": {"a": ["make"]}}', 9.0) == Told(5.0, {})


def test_the_first_tick_begins_now() -> None:
    now = time.time()
    assert load(None, now).since == now
