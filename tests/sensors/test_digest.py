"""A channel gets one digest a day, with all that was since the last one, whatever was away at its hour."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_sensors.alerts import alert_sensors
from drift_sensors.digest import NAMED, Day, State, due, dump, hear, load, message
from drift_sensors.outages import Book, Heard, Level
from resources.settings import load_settings

pytestmark = pytest.mark.filterwarnings("ignore:Slack at:UserWarning")
HOUR = 3600.0
SENT = datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp()
HOURS = st.integers(0, 23)
MOMENTS = st.floats(0, 4e9)
EMPTY = State(SENT, Book(0), {})


@given(MOMENTS, HOURS)
def test_what_was_sent_now_is_not_due_now(now: float, hour: int) -> None:
    assert not due(now, now, hour)


@given(MOMENTS, HOURS)
def test_a_whole_day_never_passes_without_one(sent: float, hour: int) -> None:
    assert due(sent + 24 * HOUR, sent, hour)


@given(st.lists(MOMENTS, max_size=50), HOURS)
def test_between_two_of_its_hours_it_is_sent_once_whenever_ticks_come(ticks: list[float], hour: int) -> None:
    sent, days = 0.0, list[float]()
    for now in sorted(ticks):
        if due(now, sent, hour):
            sent = now
            days.append((now - hour * HOUR) // (24 * HOUR))
    assert len(days) == len(set(days))


@pytest.mark.parametrize(("after_hours", "is_due"), [(23.9, False), (24, True), (30, True), (50, True)])
def test_it_is_due_from_its_hour_on_however_late(after_hours: float, is_due: bool) -> None:
    assert due(SENT + after_hours * HOUR, SENT, 8) is is_due


def test_a_quiet_day_is_one_line() -> None:
    text = message(EMPTY, SENT, SENT + 5 * HOUR)
    assert text == (
        ":newspaper: *Digest* since 2026-03-01 08:00 UTC: nothing failed, nothing was decided, nothing came in; "
        "lists are 5 h old"
    )


def test_a_platform_without_lists_says_so() -> None:
    assert message(EMPTY, None, SENT).endswith("; no lists were made yet")


def test_a_flood_is_named_in_part_and_counted() -> None:
    text = message(State(SENT, Book(0), {}, Day({f"job_{i}": 1 for i in range(NAMED + 3)})), None, SENT)
    assert "1 of job_9; and 3 more" in text
    assert f"job_{NAMED}" not in text


def test_a_warning_is_out_of_order_and_no_failed_run() -> None:
    state = hear(EMPTY, Heard("check ties of silver/split", SENT, Level.WARNS))
    assert state.day.failed == {}
    assert "out of order still: check ties of silver/split since 2026-03-01 08:00 UTC" in message(state, None, SENT)


def test_text_from_outside_cannot_use_slacks_markup() -> None:
    assert "<!channel>" not in message(hear(EMPTY, Heard("job <!channel>", SENT, Level.FAILS)), None, SENT)


def test_the_cursor_is_read_as_it_was_written() -> None:
    state = State(SENT, Book(7), {"drift/report": 9}, Day({"a": 2}, 1, 2, 3, 1, 1.5, 4, 100))
    assert load(dump(state)) == state


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


class Watch:
    """Slack's digest at 8, made anew for each tick as after a restart; its first tick is at the hour."""

    def __init__(self, instance: dg.DagsterInstance, slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.instance, self.slack, self.clock, self.cursor = instance, slack, monkeypatch, None
        self.tick(0)

    def tick(self, hours: float) -> str:
        """A tick so many hours after the first, and what it says of itself."""
        slack = {"slack_bot_token": "xoxb-1", "slack_channel": "#reco", "slack_api_url": self.slack.url}
        *_, sensor = alert_sensors(load_settings(**slack, alerts_digest_hour=8))
        assert sensor.name == "slack_digest"
        self.clock.setattr("drift_sensors.digest_sensor.time", lambda: SENT + hours * HOUR)
        found = sensor.evaluate_tick(dg.build_sensor_context(self.instance, cursor=self.cursor))
        self.cursor = found.cursor
        return str(found.skip_message)


@pytest.fixture
def watch(instance: dg.DagsterInstance, slack: Any, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(instance, slack, monkeypatch)


def fail(instance: dg.DagsterInstance, job: str) -> None:
    made = instance.create_run_for_job(dg.JobDefinition(name=job, graph_def=dg.GraphDefinition("empty")))
    instance.report_run_failed(made, "it broke")


def made(instance: dg.DagsterInstance, asset: str, **metadata: Any) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey.from_user_string(asset), metadata=metadata))


def happen(instance: dg.DagsterInstance) -> None:
    for job in ("reco_pipeline", "drift_retrain", "reco_pipeline"):
        fail(instance, job)
    for promoted in (True, False, False):
        made(instance, "models/als_champion", promoted=promoted)
    for score, calls in ((0.5, False), (2.25, True), (1.0, False)):
        made(instance, "drift/report", drift_score=score, should_retrain=calls)
    made(instance, "stream/ratings", files_received=2, good=1_500)


def test_a_day_is_told_line_by_line(watch: Watch) -> None:
    happen(watch.instance)
    made(watch.instance, "gold/recommendations_als")
    assert watch.tick(23) == "No digest is due."
    assert watch.tick(24) == "The digest was sent."
    (text,) = watch.slack.texts
    title, *lines = text.splitlines()
    assert title == ":newspaper: *Digest* since 2026-03-01 08:00 UTC"
    assert lines[0] == "• failed runs: 2 of reco_pipeline; 1 of drift_retrain"
    assert lines[1].startswith("• out of order still: job reco_pipeline since ")
    assert "job drift_retrain since " in lines[1]
    assert lines[2:5] == [
        "• candidates: 1 promoted, 2 rejected",
        "• drift reports: 3, highest score 2.25, 1 call for retraining",
        "• taken in: 2 batches with 1,500 ratings",
    ]
    assert lines[5].startswith("• lists are ")


def test_what_a_digest_told_the_next_does_not_tell_again(watch: Watch) -> None:
    made(watch.instance, "stream/ratings", files_received=1, good=10)
    watch.tick(24)
    assert watch.tick(24.1) == "No digest is due."
    watch.tick(48)
    first, second = watch.slack.texts
    assert "taken in: 1 batches with 10 ratings" in first
    assert "nothing came in" in second


def test_a_daemon_that_was_down_for_days_sends_one_with_all_that_was(watch: Watch) -> None:
    happen(watch.instance)
    assert [watch.tick(24 * 3 + 5), watch.tick(24 * 3 + 6)] == ["The digest was sent.", "No digest is due."]
    assert "2 of reco_pipeline" in watch.slack.texts[0]


def test_slack_that_is_away_gets_it_once_at_a_later_tick_with_what_came_since(watch: Watch) -> None:
    made(watch.instance, "stream/ratings", files_received=1, good=10)
    watch.slack.answer = (503, b"")
    assert watch.tick(24) == "Slack did not take the digest; it is sent again at the next tick."
    made(watch.instance, "stream/ratings", files_received=1, good=5)
    watch.slack.answer = (200, b'{"ok": true}')
    watch.slack.requests.clear()
    assert [watch.tick(25), watch.tick(26)] == ["The digest was sent.", "No digest is due."]
    assert "taken in: 2 batches with 15 ratings" in watch.slack.texts[0]


def test_a_log_longer_than_a_tick_reads_is_told_when_all_of_it_was_counted(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(25):
        made(watch.instance, "stream/ratings", files_received=1, good=1)
    with monkeypatch.context() as short:
        short.setattr("drift_sensors.digest_sensor.TICK_SECONDS", 0.0)
        assert watch.tick(24) == "There is more in the event log; the next tick counts on."
    watch.tick(25)
    (text,) = watch.slack.texts
    assert "taken in: 25 batches with 25 ratings" in text


def test_without_an_hour_there_is_no_digest() -> None:
    sensors = alert_sensors(load_settings(slack_bot_token="xoxb-1", slack_channel="#reco"))
    assert not [sensor for sensor in sensors if "digest" in sensor.name]
