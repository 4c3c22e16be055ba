"""Slack, by a local server that stands in for it: what is sent, and what happens when it is away."""

import time
from typing import Any

import pytest

from resources.calls.slack import LONGEST_TEXT, SlackAlerts, escaped
from resources.settings import load_settings


def alerts(slack: Any, **settings: Any) -> SlackAlerts:
    settings = {"slack_bot_token": "xoxb-secret", "slack_channel": "#reco", "slack_api_url": slack.url} | settings
    return SlackAlerts(load_settings(**settings), timeout_seconds=0.5)


def test_a_message_goes_to_the_channel_with_the_token(slack: Any) -> None:
    assert alerts(slack).post("a model was promoted")
    (request,) = slack.requests
    assert (request.path, request.token) == ("/chat.postMessage", "Bearer xoxb-secret")
    assert (request.channel, request.text) == ("#reco", "a model was promoted")


@pytest.mark.parametrize("missing", ["slack_bot_token", "slack_channel"])
def test_nothing_is_sent_without_a_token_or_without_a_channel(slack: Any, missing: str) -> None:
    unconfigured = alerts(slack, **{missing: None})
    assert not unconfigured.active
    assert not unconfigured.post("hello")
    assert slack.requests == []


def test_an_overlong_text_is_cut_to_what_slack_takes(slack: Any) -> None:
    assert alerts(slack).post("x" * 10_000)
    assert len(slack.requests[0].text) == LONGEST_TEXT


def test_slacks_markup_in_a_text_is_shown_literally() -> None:
    assert escaped("<!channel> a & b") == "&lt;!channel&gt; a &amp; b"


def test_slack_that_is_down_is_warned_of_and_nothing_is_raised(slack: Any) -> None:
    slack.stop()
    with pytest.warns(UserWarning, match="did not take an alert"):
        assert not alerts(slack).post("hello")


def test_slack_that_answers_with_an_error_is_warned_of_by_its_reason(slack: Any) -> None:
    slack.answer = (200, b'{"ok": false, "error": "channel_not_found"}')
    with pytest.warns(UserWarning, match="channel_not_found"):
        assert not alerts(slack).post("hello")


@pytest.mark.parametrize("answer", [(503, b"<html>upstream</html>"), (200, b"not json"), (429, b'{"ok": false}')])
def test_an_answer_that_is_not_slacks_is_warned_of(slack: Any, answer: tuple[int, bytes]) -> None:
    slack.answer = answer
    with pytest.warns(UserWarning, match="did not take an alert"):
        assert not alerts(slack).post("hello")


def test_slack_that_hangs_is_given_up_after_the_timeout(slack: Any) -> None:
    slack.hang()
    begin = time.monotonic()
    with pytest.warns(UserWarning, match="no answer within 0.5 s"):
        assert not alerts(slack).post("hello")
    assert time.monotonic() - begin < 3


def test_slack_that_sends_a_byte_now_and_then_is_given_up_just_so(slack: Any) -> None:
    slack.drip()
    begin = time.monotonic()
    with pytest.warns(UserWarning, match="no answer within 0.5 s"):
        assert not alerts(slack).post("hello")
    assert time.monotonic() - begin < 3


def test_a_warning_does_not_show_the_token(slack: Any) -> None:
    slack.stop()
    with pytest.warns(UserWarning, match="Slack at") as caught:
        alerts(slack).post("hello")
    assert "xoxb-secret" not in str(caught[0].message)
