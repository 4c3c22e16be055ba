"""Slack is told once of each file that is not taken, whatever restarts in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from drift_sensors.alerts import alert_sensors
from drift_sensors.landing_alerts import NAME, Told, due, dump, load, message
from reco_assets.streaming.not_taken import NotTaken
from resources.settings import load_settings

pytestmark = pytest.mark.filterwarnings("ignore:Slack at:UserWarning")
FILE = NotTaken("a.csv", "its last line has no end", 10**18, inode=7, lasting=False)
NOTHING = Told({}, 0)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


class Watch:
    """The sensor on a streaming folder, made anew for each tick as after a restart; its cursor is kept by Dagster."""

    def __init__(self, lake: Path, instance: dg.DagsterInstance, url: str, wait: int = 0) -> None:
        self.settings = load_settings(
            lakehouse_path=lake,
            slack_bot_token="xoxb-1",
            slack_channel="#reco",
            slack_api_url=url,
            intake_alert_seconds=wait,
        )
        self.instance, self.cursor = instance, None
        self.settings.storage.landing.mkdir(parents=True)

    def tick(self) -> str:
        (sensor,) = [each for each in alert_sensors(self.settings) if each.name == f"slack_{NAME}"]
        found = sensor.evaluate_tick(dg.build_sensor_context(self.instance, cursor=self.cursor))
        self.cursor = found.cursor
        return str(found.skip_message)


def test_a_file_is_told_once_with_its_reason_and_since_when(
    tmp_path: Path, instance: dg.DagsterInstance, slack: Any
) -> None:
    watch = Watch(tmp_path, instance, slack.url)
    (watch.settings.storage.landing / "a.csv.gz").write_bytes(b"x")
    (watch.settings.storage.landing / "cut.csv").write_text("x")
    for _ in range(3):
        watch.tick()
    [text] = slack.texts
    assert "a.csv.gz: it is compressed; unpack it" in text
    assert "cut.csv: its last line has no end" in text
    assert "(since 20" in text


def test_a_refused_file_is_told_once_with_what_is_wrong_with_it(
    tmp_path: Path, instance: dg.DagsterInstance, slack: Any
) -> None:
    watch = Watch(tmp_path, instance, slack.url)
    watch.tick()
    refused = watch.settings.storage.landing / "_refused"
    refused.mkdir()
    (refused / "a.csv").write_text("A,B\n")
    (refused / "a.csv.error.txt").write_text("a.csv, line 1: the header must be DATE,CUST_ID,MOVIE_ID,RATING")
    for _ in range(3):
        watch.tick()
    [text] = slack.texts
    assert "_refused/a.csv: a.csv, line 1: the header must be DATE" in text


def test_an_alert_that_slack_does_not_take_is_sent_at_a_later_tick(
    tmp_path: Path, instance: dg.DagsterInstance, slack: Any
) -> None:
    watch = Watch(tmp_path, instance, slack.url)
    (watch.settings.storage.landing / "a.csv.gz").write_bytes(b"x")
    slack.answer = (500, b"{}")
    assert "did not take an alert" in watch.tick()
    slack.answer = (200, b'{"ok": true}')
    sent = len(slack.texts)
    watch.tick()
    watch.tick()
    assert len(slack.texts) == sent + 1


def test_what_may_end_by_itself_is_told_after_the_wait_alone() -> None:
    told, tells = NOTHING, []
    for now in (100.0, 399.0, 400.0, 500.0):
        tell, told = due(load(dump(told)), [FILE], 300, now)
        tells.append(len(tell))
    assert tells == [0, 0, 1, 0]


def test_another_file_of_the_same_name_is_told_again() -> None:
    lasting = NotTaken("a.csv", "it is a symbolic link", 0, inode=7, lasting=True)
    _, told = due(NOTHING, [lasting], 300, 0.0)
    tell, _ = due(told, [NotTaken("a.csv", "it is a symbolic link", 0, inode=8, lasting=True)], 300, 1.0)
    assert [file.inode for file in tell] == [8]


def test_a_file_that_is_gone_is_forgotten() -> None:
    _, told = due(NOTHING, [FILE], 300, 0.0)
    _, told = due(told, [], 300, 1.0)
    assert told.files == {}


def test_a_message_names_ten_files_and_counts_the_others() -> None:
    text = message([NotTaken(f"{number}.csv", "it is empty", 0, number, lasting=False) for number in range(12)])
    assert (text.count("it is empty"), text.splitlines()[-1]) == (10, "and 2 more")


def test_a_name_cannot_write_to_everyone() -> None:
    assert "<!channel>" not in message([NotTaken("<!channel>.csv.gz", "it is compressed", 0, 1, lasting=True)])
