"""`reco alerts test` says of every channel whether it took a message."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from reco_assets.cli.main import app


@pytest.fixture
def told(slack: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CHANNEL": "#reco", "SLACK_API_URL": slack.url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return slack


def test_each_channel_gets_a_message_and_is_said_to_have_taken_it(told: Any) -> None:
    found = CliRunner().invoke(app, ["alerts", "test", "--json"])
    assert json.loads(found.stdout) == {"channels": [{"name": "Slack", "taken": True, "why": ""}]}
    assert "tries this channel" in told.texts[0]


def test_one_that_refuses_is_named_with_its_reason_and_the_command_fails(told: Any) -> None:
    told.answer = (200, b'{"ok": false, "error": "channel_not_found"}')
    found = CliRunner().invoke(app, ["alerts", "test"])
    assert found.exit_code == 1
    assert "channel_not_found" in found.stdout


def test_without_a_channel_it_says_which_settings_make_one() -> None:
    found = CliRunner().invoke(app, ["alerts", "test"])
    assert found.exit_code == 1
    assert "ALERT_URLS" in found.stderr
