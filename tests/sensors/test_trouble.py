"""Jobs, checks and ages in a real event log: what a channel hears of them, and when."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from drift_sensors import heard
from drift_sensors.alerts import alert_sensors
from drift_sensors.cursors import ATTEMPT_TAG
from resources.orchestrator.dagster_private import FreshnessState, FreshnessStateChange
from resources.settings import load_settings

pytestmark = pytest.mark.filterwarnings("ignore:Slack at:UserWarning")
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


class Watch:
    """Slack's sensor of trouble, made anew for each tick as after a restart."""

    def __init__(self, instance: dg.DagsterInstance, slack: Any) -> None:
        self.settings = load_settings(slack_bot_token="xoxb-1", slack_channel="#reco", slack_api_url=slack.url)
        self.instance, self.slack, self.cursor = instance, slack, None
        self.hear()

    def hear(self) -> list[str]:
        """The first lines that the next tick tells."""
        sensor, *_ = alert_sensors(self.settings)
        self.slack.requests.clear()
        self.cursor = sensor.evaluate_tick(dg.build_sensor_context(self.instance, cursor=self.cursor)).cursor
        return [text.split(" (run")[0].splitlines()[0] for text in self.slack.texts]


@pytest.fixture
def watch(instance: dg.DagsterInstance, slack: Any) -> Watch:
    return Watch(instance, slack)


def run(instance: dg.DagsterInstance, well: bool, attempt: str | None = None) -> None:
    definition = dg.JobDefinition(name="drift_retrain", graph_def=dg.GraphDefinition("empty"))
    made = instance.create_run_for_job(definition, tags={ATTEMPT_TAG: attempt} if attempt else {})
    if not well:
        instance.report_run_failed(made, "it broke")
        return
    kind = dg.DagsterEventType.RUN_SUCCESS
    instance.report_dagster_event(dg.DagsterEvent(kind.value, made.job_name), made.run_id)


def check(instance: dg.DagsterInstance, passed: bool, severity: Any = ERROR, asset: str = "silver/ratings") -> None:
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey.from_user_string(asset),
            check_name="ranges",
            passed=passed,
            severity=severity,
            description="7 rows have 9 stars",
        )
    )


def age(instance: dg.DagsterInstance, state: FreshnessState) -> None:
    key = dg.AssetKey(["gold", "trending"])
    change = FreshnessStateChange(
        key=key, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=1.8e9
    )
    instance._report_runless_asset_event(change)


def test_a_job_that_fails_three_times_and_then_works_is_told_twice(watch: Watch) -> None:
    for _ in range(3):
        run(watch.instance, well=False)
    run(watch.instance, well=True)
    assert watch.hear() == [":x: *drift_retrain* failed", ":white_check_mark: *drift_retrain* works again"]
    assert "with 3 failures" in watch.slack.texts[1]
    run(watch.instance, well=True)
    assert watch.hear() == []


def test_of_a_job_that_is_tried_again_the_first_failure_and_giving_up_are_told(watch: Watch) -> None:
    run(watch.instance, well=False, attempt="1/3")
    assert watch.hear() == [":x: *drift_retrain* failed"]
    assert "tried again by itself" in watch.slack.texts[0]
    run(watch.instance, well=False, attempt="2/3")
    assert watch.hear() == []
    run(watch.instance, well=False, attempt="3/3")
    assert watch.hear() == [":no_entry: *drift_retrain* failed"]
    assert "It was given up" in watch.slack.texts[0]
    run(watch.instance, well=False, attempt="3/3")
    assert watch.hear() == []


def test_an_outage_of_the_channel_loses_and_repeats_nothing(watch: Watch) -> None:
    watch.slack.answer = (503, b"")
    run(watch.instance, well=False)
    run(watch.instance, well=True)
    assert watch.hear() == [":x: *drift_retrain* failed"]
    watch.slack.answer = (200, b'{"ok": true}')
    assert watch.hear() == [":x: *drift_retrain* failed", ":white_check_mark: *drift_retrain* works again"]
    assert watch.hear() == []


def test_a_check_that_warns_fails_and_passes_is_told_of_each_once(watch: Watch) -> None:
    named = "heck *ranges* of *silver/ratings*"
    for passed, severity, told in (
        (False, WARN, [f":warning: C{named} warns"]),
        (False, WARN, []),
        (False, ERROR, [f":x: C{named} failed"]),
        (False, WARN, []),
        (True, ERROR, [f":white_check_mark: C{named} passes again"]),
    ):
        check(watch.instance, passed, severity)
        assert watch.hear() == told


def test_checks_that_fail_together_are_one_message(watch: Watch) -> None:
    for asset in ("gold/a", "gold/b"):
        check(watch.instance, False, asset=asset)
    assert watch.hear() == [":x: Check *ranges* of *gold/a* failed"]
    assert "*gold/b* failed" in watch.slack.texts[0]


@pytest.mark.parametrize("asset", ["drift/report", "models/als_evaluation", "models/als_champion", "stream/ratings"])
def test_a_warning_that_has_a_message_of_its_own_is_not_told_again_but_an_error_is(asset: str, watch: Watch) -> None:
    check(watch.instance, False, WARN, asset)
    assert watch.hear() == []
    check(watch.instance, False, ERROR, asset)
    assert watch.hear() == [f":x: Check *ranges* of *{asset}* failed"]


def test_an_overdue_asset_is_told_once_and_once_when_it_is_fresh(watch: Watch) -> None:
    for state, told in (
        (FreshnessState.WARN, []),
        (FreshnessState.FAIL, [":hourglass_flowing_sand: *gold/trending* is overdue"]),
        (FreshnessState.PASS, [":white_check_mark: *gold/trending* is fresh again"]),
        (FreshnessState.PASS, []),
    ):
        age(watch.instance, state)
        assert watch.hear() == told


def test_more_events_than_a_tick_reads_are_told_in_their_order(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "EVENTS_PER_TICK", 2)
    for _ in range(3):
        run(watch.instance, well=False)
    run(watch.instance, well=True)
    said = [line for _ in range(4) for line in watch.hear()]
    assert said == [":x: *drift_retrain* failed", ":white_check_mark: *drift_retrain* works again"]
