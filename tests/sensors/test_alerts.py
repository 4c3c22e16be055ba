"""What Slack is told, when, and that nothing is lost or raised while it is away."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from drift_sensors.alerts import ACCEPTED, CHAMPION, alert_sensors, promotion_message, retrain_message
from drift_sensors.telling import ALERTS_PER_TICK
from drift_sensors.told_runs import ToldRun, failure_in_slack, told_run
from drift_sensors.trouble_texts import QUIET, START, TOUCH
from reco_assets.pipelines.failures import Failure
from reco_assets.pipelines.jobs import RETRAINING
from resources.errors import RecoError
from resources.settings import load_settings

FAILURE, SUCCESS, MAIL = "slack_on_trouble", "slack_on_run_success", "mail_on_trouble"
RETRAIN, PROMOTION, LANDING = "slack_on_retrain_started", "slack_on_promotion", "slack_on_file_not_taken"
EXPERIMENT = "slack_on_experiment"
DECISION = {"promoted": True, "reason": "RMSE 0.84 < 0.85", "candidate": "v2", "champion": "v2"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:Slack at:UserWarning"),
    pytest.mark.filterwarnings("ignore:The mail server:UserWarning"),
]


class Watch:
    """One sensor, ticked by hand, that keeps its cursor between ticks as the daemon does."""

    def __init__(self, name: str, instance: dg.DagsterInstance, url: str = "", **settings: Any) -> None:
        slack = {"slack_bot_token": "xoxb-1", "slack_channel": "#reco", "slack_api_url": url} if url else {}
        settings = load_settings(**slack, **settings)
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


def break_asset(instance: dg.DagsterInstance, key: dg.AssetKey, job: str) -> str:
    @dg.asset(key=key)
    def broken() -> None:
        raise RecoError("no ratings")

    defined = dg.Definitions(assets=[broken], jobs=[dg.define_asset_job(job, [broken])])
    run = defined.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    return str(run.run_id)


def decide(instance: dg.DagsterInstance, **changes: Any) -> str:
    return materialize(instance, CHAMPION, "reco_pipeline", DECISION | changes)


@pytest.mark.parametrize("settings", [{}, {"slack_bot_token": "xoxb-1"}, {"slack_channel": "#reco"}])
def test_without_token_and_channel_there_are_no_sensors(settings: dict[str, str]) -> None:
    assert alert_sensors(load_settings(**settings)) == []


def test_all_sensors_run_unless_someone_stops_them() -> None:
    sensors = alert_sensors(load_settings(slack_bot_token="xoxb-1", slack_channel="#reco"))
    assert [sensor.name for sensor in sensors] == [FAILURE, SUCCESS, RETRAIN, PROMOTION, EXPERIMENT, LANDING]
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
    run, reason = told_run(instance, run_id, "stream_intake"), Failure(str(error), "stream__ratings")
    assert slack.texts == [f"{failure_in_slack(run, reason)}\n{TOUCH} {QUIET}"]
    assert "*stream_intake* failed (run `" in slack.texts[0]
    assert f"date {run.date}" in slack.texts[0]
    assert run.date.endswith("+00:00")


def test_a_run_that_failed_outside_of_its_steps_is_told_with_the_reason_given(
    slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(FAILURE, instance, slack.url)
    run = instance.create_run_for_job(dg.JobDefinition(name="drift_retrain", graph_def=dg.GraphDefinition("empty")))
    instance.report_run_failed(run, "Its process 7 is gone")
    watch.tick()
    (text,) = slack.texts
    assert text.startswith(f":x: *drift_retrain* failed (run `{run.run_id}`")
    assert text.endswith(f"\nIts process 7 is gone\n{START} {QUIET}")


@pytest.mark.parametrize(("job", "told"), [("movie_recommender_pipeline", 1), ("reco_pipeline", 0), ("some_job", 0)])
def test_a_run_that_someone_waits_for_is_told_when_it_succeeded(
    job: str, told: int, slack: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(SUCCESS, instance, slack.url)
    run_id = materialize(instance, dg.AssetKey(["some", "asset"]), job)
    watch.tick()
    date = told_run(instance, run_id, job).date
    assert slack.texts == [f":white_check_mark: *{job}* succeeded (run `{run_id}`, date {date})"] * told


def test_the_date_of_a_scheduled_run_is_that_of_its_schedule(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(SUCCESS, instance, slack.url)
    tags = {".dagster/scheduled_execution_time": "2026-11-29T02:00:00+00:00"}
    materialize(instance, dg.AssetKey(["some", "asset"]), "movie_recommender_pipeline", tags=tags)
    watch.tick()
    assert "date 2026-11-29T02:00:00+00:00" in slack.texts[0]


def test_a_failure_of_a_documented_pipeline_is_mailed_with_job_run_date_and_task(
    mail_server: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(MAIL, instance, **mail_server.settings)
    run_id = break_asset(instance, dg.AssetKey(["models", "als_candidate"]), "model_retraining_dag")
    watch.tick()
    (mail,) = mail_server.mails
    date = told_run(instance, run_id, "model_retraining_dag").date
    assert mail["Subject"] == "Failed: model_retraining_dag.retrain_model"
    text = mail.get_content()
    assert f"Failed: job model_retraining_dag, run {run_id}, date {date}, task retrain_model" in text
    assert "models__als_candidate: no ratings" in text


def test_slack_names_the_documented_task_of_the_step_that_failed(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(FAILURE, instance, slack.url)
    break_asset(instance, dg.AssetKey(["models", "als_candidate"]), "model_retraining_dag")
    watch.tick()
    assert "\ntask retrain_model: models__als_candidate: no ratings\n" in slack.texts[0]


def test_a_failed_intake_is_not_mailed_as_there_may_be_one_a_minute(
    mail_server: Any, instance: dg.DagsterInstance
) -> None:
    watch = Watch(MAIL, instance, **mail_server.settings)
    fail(instance, RecoError("no header"))
    assert watch.tick() == "0 alerts sent."
    assert mail_server.mails == []


def test_without_a_mail_server_nothing_is_mailed_and_mail_needs_no_slack(mail_server: Any) -> None:
    assert [sensor.name for sensor in alert_sensors(load_settings(**mail_server.settings))] == [MAIL]


def test_mail_that_meets_an_outage_is_sent_once_and_slack_is_told_once(
    slack: Any, mail_server: Any, instance: dg.DagsterInstance
) -> None:
    by_mail, by_slack = Watch(MAIL, instance, **mail_server.settings), Watch(FAILURE, instance, slack.url)
    mail_server.answer = "451 try later"
    fail(instance, RecoError("broken"), "reco_pipeline")
    assert by_mail.tick() == "The mail server did not take an alert; it is sent again at the next tick."
    assert by_slack.tick() == "1 alerts sent."
    mail_server.answer = "250 taken"
    assert [by_mail.tick(), by_slack.tick()] == ["1 alerts sent.", "0 alerts sent."]
    assert [by_mail.tick(), by_slack.tick()] == ["0 alerts sent.", "0 alerts sent."]
    assert (len(mail_server.mails), len(slack.texts)) == (1, 1)


def test_a_tick_that_waits_long_for_its_listener_goes_on_at_the_next(
    slack: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(PROMOTION, instance, slack.url)
    decide(instance)
    decide(instance)
    monkeypatch.setattr("drift_sensors.telling.TICK_SECONDS", 0.0)
    assert [watch.tick(), watch.tick(), watch.tick()] == ["1 alerts sent.", "1 alerts sent.", "0 alerts sent."]


def test_runs_that_succeed_are_not_told(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(FAILURE, instance, slack.url)
    decide(instance)
    assert watch.tick() == "0 alerts sent."
    assert slack.texts == []


@pytest.mark.parametrize("job", sorted(RETRAINING))
def test_a_retraining_is_told_with_what_called_for_it(job: str, slack: Any, instance: dg.DagsterInstance) -> None:
    watch, reason = Watch(RETRAIN, instance, slack.url), "more than 20% came since; drift score 0.04 is not above 1"
    run_id = materialize(instance, ACCEPTED, job, {"reason": reason})
    watch.tick()
    assert slack.texts == [retrain_message(job, run_id, reason)]
    assert slack.texts[0].endswith(f"\n{reason}")


def test_a_retraining_without_a_known_reason_is_told_without_one(slack: Any, instance: dg.DagsterInstance) -> None:
    watch = Watch(RETRAIN, instance, slack.url)
    materialize(instance, ACCEPTED, "drift_retrain")
    watch.tick()
    assert [len(text.splitlines()) for text in slack.texts] == [1]


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
    assert "<!channel>" not in failure_in_slack(ToldRun("<!channel>", "run", "<!channel>"), Failure("<!channel>"))
    assert "<!channel>" not in retrain_message("job", "run", "<!channel>")
    assert "<!channel>" not in promotion_message(DECISION | {"reason": "<!channel>"}, "run")
