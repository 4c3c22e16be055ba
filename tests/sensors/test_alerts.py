"""What Slack is told, when, and that nothing is lost or raised while it is away."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from drift_sensors.alerts import (
    ACCEPTED,
    ALERTS_PER_TICK,
    CHAMPION,
    alert_sensors,
    failure_message,
    promotion_message,
    retrain_message,
)
from drift_sensors.landing_alerts import NAME as LANDING
from reco_assets.pipelines.jobs import RETRAINING
from resources.errors import RecoError
from resources.settings import load_settings

FAILURE, RETRAIN, PROMOTION = "slack_on_run_failure", "slack_on_retrain_started", "slack_on_promotion"
DECISION = {"promoted": True, "reason": "RMSE 0.84 < 0.85", "candidate": "v2", "champion": "v2"}

pytestmark = pytest.mark.filterwarnings("ignore:Slack at:UserWarning")


class Watch:
    """One sensor, ticked by hand, that keeps its cursor between ticks as the daemon does."""

    def __init__(self, name: str, instance: dg.DagsterInstance, url: str) -> None:
        settings = load_settings(slack_bot_token="xoxb-1", slack_channel="#reco", slack_api_url=url)
        (self.sensor,) = [sensor for sensor in alert_sensors(settings) if sensor.name == name]
        self.instance, self.cursor = instance, None
        self.tick()

    def tick(self) -> str:
        """Why no run was requested, which is what the tick says of itself."""
        found = self.sensor.evaluate_tick(dg.build_sensor_context(self.instance, cursor=self.cursor))
        self.cursor = found.cursor
        return str(found.skip_message)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:  # 1.5 s each, and a sensor tells only what comes after its first tick
        yield instance


def fail(instance: dg.DagsterInstance, error: Exception, job_name: str = "stream_intake") -> str:
    @dg.op(name="stream__ratings")
    def breaks() -> None:
        raise error

    @dg.job(name=job_name)
    def job() -> None:
        breaks()

    return str(job.execute_in_process(instance=instance, raise_on_error=False).run_id)


def materialize(
    instance: dg.DagsterInstance, key: dg.AssetKey, job: str, metadata: Any = None, tags: Any = None
) -> str:
    @dg.asset(key=key)
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=metadata)

    defined = dg.Definitions(assets=[made], jobs=[dg.define_asset_job(job, [made], tags=tags)])
    return str(defined.resolve_job_def(job).execute_in_process(instance=instance).run_id)


def decide(instance: dg.DagsterInstance, **changes: Any) -> str:
    return materialize(instance, CHAMPION, "reco_pipeline", DECISION | changes)


@pytest.mark.parametrize("settings", [{}, {"slack_bot_token": "xoxb-1"}, {"slack_channel": "#reco"}])
def test_without_token_and_channel_there_are_no_sensors(settings: dict[str, str]) -> None:
    assert alert_sensors(load_settings(**settings)) == []


def test_all_sensors_run_unless_someone_stops_them() -> None:
    sensors = alert_sensors(load_settings(slack_bot_token="xoxb-1", slack_channel="#reco"))
    assert [sensor.name for sensor in sensors] == [FAILURE, RETRAIN, PROMOTION, LANDING]
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


@pytest.mark.parametrize("name", [FAILURE, RETRAIN, PROMOTION])
def test_what_happened_before_the_first_tick_is_not_told(name: str, slack: Any, instance: dg.DagsterInstance) -> None:
    fail(instance, RecoError("old"))
    materialize(instance, ACCEPTED, "drift_retrain")
    decide(instance)
    Watch(name, instance, slack.url).tick()
    assert slack.texts == []


def test_a_failed_run_is_told_with_its_job_its_id_and_the_clear_line_of_its_first_failed_step(
    slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(FAILURE, instance, slack.url)
    error = RecoError("current.csv: line 1: the header must be DATE,CUST_ID,MOVIE_ID,RATING")
    error.__cause__ = ValueError("what the platform's error explains")
    run_id = fail(instance, error)
    watch.tick()
    reason = "stream__ratings: current.csv: line 1: the header must be DATE,CUST_ID,MOVIE_ID,RATING"
    assert slack.texts == [failure_message("stream_intake", run_id, reason)]


def test_a_run_that_failed_outside_of_its_steps_is_told_with_the_reason_given(
    slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(FAILURE, instance, slack.url)
    run = instance.create_run_for_job(dg.JobDefinition(name="drift_retrain", graph_def=dg.GraphDefinition("empty")))
    instance.report_run_failed(run, "Its process 7 is gone")
    watch.tick()
    assert slack.texts == [failure_message("drift_retrain", run.run_id, "Its process 7 is gone")]


def test_runs_that_succeed_are_not_told(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(FAILURE, instance, slack.url)
    decide(instance)
    assert watch.tick() == "0 alerts sent."
    assert slack.texts == []


@pytest.mark.parametrize("job", sorted(RETRAINING))
def test_a_retraining_is_told_with_the_drift_score_that_its_run_knows(
    job: str, slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(RETRAIN, instance, slack.url)
    run_id = materialize(instance, ACCEPTED, job, tags={"reco/drift_score": "1.42"})
    watch.tick()
    assert slack.texts == [retrain_message(job, run_id, "1.42")]
    assert "drift score 1.42" in slack.texts[0]


def test_a_retraining_without_a_known_score_is_told_without_one(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(RETRAIN, instance, slack.url)
    materialize(instance, ACCEPTED, "drift_retrain")
    watch.tick()
    assert len(slack.texts) == 1
    assert "drift score" not in slack.texts[0]


@pytest.mark.parametrize(
    ("job", "metadata"), [("some_job", None), ("model_retraining_dag", {"reason": "accepted by hand"})]
)
def test_batches_accepted_by_hand_are_no_retraining(
    job: str, metadata: Any, slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(RETRAIN, instance, slack.url)
    materialize(instance, ACCEPTED, job, metadata)
    watch.tick()
    assert slack.texts == []


def test_a_promotion_and_a_rejection_are_told_with_their_reasons(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    decide(instance)
    decide(instance, promoted=False, reason="RMSE 0.90 > 0.84", candidate="v3")
    watch.tick()
    promoted, rejected = slack.texts
    assert "`v2` was promoted" in promoted
    assert "RMSE 0.84 &lt; 0.85" in promoted
    assert "`v3` was rejected, champion stays `v2`" in rejected
    assert "RMSE 0.90 &gt; 0.84" in rejected


def test_every_decision_of_an_interval_is_told_once_and_in_order(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    for candidate in ("v3", "v4", "v5"):
        decide(instance, candidate=candidate)
    assert watch.tick() == "3 alerts sent."
    assert watch.tick() == "0 alerts sent."
    assert [text.split("`")[1] for text in slack.texts] == ["v3", "v4", "v5"]


def test_a_flood_of_events_is_told_over_several_ticks(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    for version in range(ALERTS_PER_TICK + 1):
        metadata = {name: dg.MetadataValue.text(str(value)) for name, value in DECISION.items()}
        metadata |= {"candidate": dg.MetadataValue.text(f"v{version}"), "promoted": dg.MetadataValue.bool(True)}
        instance.report_runless_asset_event(dg.AssetMaterialization(CHAMPION, metadata=metadata))
    watch.tick()
    assert len(slack.texts) == ALERTS_PER_TICK
    watch.tick()
    assert len(slack.texts) == ALERTS_PER_TICK + 1


def test_a_materialisation_without_a_decision_is_passed_over(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    instance.report_runless_asset_event(dg.AssetMaterialization(CHAMPION))
    decide(instance)
    watch.tick()
    assert len(slack.texts) == 1


def test_alerts_that_meet_an_outage_are_sent_when_slack_is_back(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    slack.answer = (503, b"")
    decide(instance, candidate="v3")
    decide(instance, candidate="v4")
    assert watch.tick() == "Slack did not take an alert; it is sent again at the next tick."
    slack.answer = (200, b'{"ok": true}')
    slack.requests.clear()
    watch.tick()
    assert [text.split("`")[1] for text in slack.texts] == ["v3", "v4"]


def test_a_tick_gives_slack_that_hangs_one_timeout_however_much_there_is_to_tell(
    slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    decide(instance)
    decide(instance)
    slack.hang()
    assert watch.tick() == "Slack did not take an alert; it is sent again at the next tick."
    assert len(slack.requests) == 1


def test_text_from_outside_cannot_use_slacks_markup() -> None:
    assert "<!channel>" not in failure_message("job", "run", "<!channel>")
    assert "<!channel>" not in retrain_message("job", "run", "<!channel>")
    assert "<!channel>" not in promotion_message(DECISION | {"reason": "<!channel>"}, "run")
