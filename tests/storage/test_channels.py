"""Channels by Apprise, by a real listener on the loopback address: what it is sent, and that no URL shows."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from resources.calls.channels import channels
from resources.calls.outside import shared_process
from resources.calls.slack import as_plain
from resources.settings import SettingsError, load_settings
from resources.text.masking import masked

SECRET = "s3cretpath99"


@pytest.fixture(scope="module")
def listener() -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.server.got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))  # type: ignore[attr-defined]
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.status = [], 200
    server.address = f"json://127.0.0.1:{server.server_port}/{SECRET}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    shared_process("alerts json").stop()


def test_a_channel_gets_title_and_text_without_slacks_markup(listener: Any) -> None:
    listener.got.clear()
    (channel,) = channels(load_settings(alert_urls=listener.address))
    assert channel.post(":x: *stream_intake* failed (run `7`)\na &lt; b, 0 0 * * *")
    ((path, sent),) = listener.got
    assert path == f"/{SECRET}"
    assert (sent["title"], sent["message"]) == ("❌ stream_intake failed (run `7`)", "a < b, 0 0 * * *")


def test_a_channel_that_refuses_is_warned_of_without_its_url(listener: Any) -> None:
    (channel,) = channels(load_settings(alert_urls=listener.address))
    listener.status = 500
    with pytest.warns(UserWarning, match="The channel json did not take an alert") as said:
        assert not channel.post("hello")
    listener.status = 200
    assert SECRET not in str(said[0].message)
    assert SECRET not in repr(channel)


def test_two_urls_of_a_service_are_two_channels_and_slack_comes_first() -> None:
    urls = "ntfy://topic-a, ntfy://topic-b json://127.0.0.1:9/a,b"
    found = channels(load_settings(alert_urls=urls, slack_bot_token="xoxb-1", slack_channel="#reco"))
    assert [channel.name for channel in found] == ["slack", "ntfy", "ntfy_2", "json"]
    assert load_settings(alert_urls=urls).alerts.url_list[-1] == "json://127.0.0.1:9/a,b"


@pytest.mark.parametrize("url", [f"nosuch://{SECRET}", f"tgram://{SECRET}", f"ntfy://topic {SECRET}", SECRET])
def test_a_wrong_url_is_refused_by_the_name_of_the_setting_and_is_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="ALERT_URLS") as error:
        channels(load_settings(alert_urls=url))
    assert SECRET not in str(error.value)


def test_every_part_of_the_urls_but_hosts_is_masked_wherever_it_stands() -> None:
    environment = {"ALERT_URLS": f"json://me:hunter2hunter2@alerts.example.com/{SECRET}"}
    said = masked(f"alerts.example.com refused /{SECRET} of hunter2hunter2", environment)
    assert said == "alerts.example.com refused /*** of ***"


def test_what_was_written_for_slack_is_plain_elsewhere() -> None:
    assert as_plain(":no_entry: *a_job* x &amp; y") == "⛔ a_job x & y"
