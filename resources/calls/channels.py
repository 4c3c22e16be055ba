"""The channels that alerts go to: Slack, and any service that Apprise knows, by the URLs of ALERT_URLS.

Such a URL is a secret, as whoever has it may write to the channel: it is in no message, log or name of a sensor.
"""

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from logging import WARNING
from typing import Protocol

from resources.calls.mail import Mailer
from resources.calls.outside import STARTUP_SECONDS, OutsideError, shared_process, step
from resources.calls.slack import SlackAlerts, as_plain, shortened
from resources.errors import RecoError
from resources.settings import Settings, SettingsError
from resources.text.masking import masked, pieces_of_url, without


class Channel(Protocol):
    """Somewhere that alerts are written to; `name` is that of its sensors, `label` what people call it."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def label(self) -> str: ...  # noqa: D102

    def post(self, text: str) -> bool:
        """Send a message in Slack's mrkdwn; True when it was taken, False (with a warning) when it was not."""


class ChannelError(RecoError):
    """A service did not take a message; the text is what Apprise says of it."""


@dataclass(frozen=True)
class AppriseChannel:
    """One URL of Apprise's. It is written to from a process beside this one, which ends when nobody answers in time."""

    name: str
    url: str = field(repr=False)
    timeout_seconds: float = 15.0

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name

    def post(self, text: str) -> bool:
        """Send a message, written in Slack's mrkdwn, as plain text; False, with a warning, when it is refused."""
        title, _, body = as_plain(shortened(text)).partition("\n")
        try:
            shared_process(f"alerts {self.name}").call(
                "resources.calls.channels:send", self.url, title, body, seconds=self.timeout_seconds
            )
        except OutsideError as error:  # a listener that breaks must not break what it listens to
            reason = without(" ".join(str(error).split()), pieces_of_url(self.url))
            warnings.warn(masked(f"The channel {self.name} did not take an alert: {reason[:300]}"), stacklevel=2)
            return False
        return True


def channels(settings: Settings) -> list[Channel]:
    """The channels that are set, Slack first.

    A second URL of the same service has `_2` behind its name. Raises `SettingsError` for a URL that Apprise does not
    know, which names its place in ALERT_URLS and not the URL.
    """
    slack, seen, found = SlackAlerts(settings), Counter[str](), list[Channel]()
    if slack.active:
        found.append(slack)
    urls = settings.alerts.url_list
    _require_known(urls)
    for url in urls:
        service = "apprise_slack" if (scheme := _scheme(url)) == "slack" else scheme
        seen[service] += 1
        found.append(AppriseChannel(service if seen[service] == 1 else f"{service}_{seen[service]}", url))
    return found


def listeners(settings: Settings) -> list[str]:
    """Who hears of failures: the labels of the channels that are set, and mail. Raises `SettingsError`."""
    return [channel.label for channel in channels(settings)] + (["mail"] if Mailer(settings).active else [])


def send(url: str, title: str, body: str) -> None:
    """Send one message by Apprise. Raises `ChannelError`."""
    step(STARTUP_SECONDS)
    import apprise

    target = apprise.Apprise()
    target.add(url)
    step()
    with apprise.LogCapture(level=WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        taken = target.notify(title=title if body else "", body=body or title, body_format=apprise.NotifyFormat.TEXT)
        reason = said.getvalue()
    if not taken:
        raise ChannelError(reason or "it was refused, and nothing was said of why")


def _require_known(urls: Sequence[str]) -> None:
    if not urls:
        return
    import apprise  # 1 s, which who has no such channel need not wait

    for number, url in enumerate(urls, 1):
        if apprise.Apprise.instantiate(url) is None:
            raise SettingsError(
                f"ALERT_URLS: URL {number} of {len(urls)}, which begins with {_scheme(url)}://, is none that Apprise "
                "understands: the service is unknown, or a part of the URL is missing. See https://appriseit.com."
            )


def _scheme(url: str) -> str:
    return re.sub(r"\W", "_", url.partition("://")[0].lower())
