"""Slack as a listener: it gets the alerts when a bot token and a channel are set.

The platform never depends on it: where Slack can't be reached or refuses, a post warns and returns within seconds. It
is sent from a process beside this one, which ends when Slack does not answer in time.
"""

import re
import warnings
from dataclasses import dataclass, field

from resources.calls.outside import STARTUP_SECONDS, OutsideError, shared_process, step
from resources.settings import Settings
from resources.text.masking import masked

API = "https://slack.com/api/"

LONGEST_TEXT = 3000  # Slack shows less of a longer one and refuses far longer ones

# The signs that messages begin with, for who does not know Slack's names of them.
SIGNS = {
    ":x:": "❌",
    ":no_entry:": "⛔",
    ":warning:": "⚠️",
    ":white_check_mark:": "✅",
    ":repeat:": "🔁",
    ":hourglass_flowing_sand:": "⏳",
    ":inbox_tray:": "📥",
    ":newspaper:": "📰",
    ":wave:": "👋",
}
_BOLD = re.compile(r"(?<!\S)\*(\S(?:[^*\n]*\S)?)\*(?!\w)")


@dataclass(frozen=True)
class SlackAlerts:
    """One channel, written to through dagster-slack's client."""

    settings: Settings
    timeout_seconds: float = 3.0

    @property
    def name(self) -> str:
        """What the names of its sensors begin with."""
        return "slack"

    @property
    def label(self) -> str:
        """What people call it."""
        return "Slack"

    @property
    def active(self) -> bool:
        """Whether a token and a channel are set."""
        return bool(self.settings.alerts.bot_token and self.settings.alerts.channel)

    def post(self, text: str) -> bool:
        """Send a message in Slack's mrkdwn; True when Slack took it, False (with a warning) when it did not.

        Sends nothing and returns False when Slack is not configured.
        """
        token, channel = self.settings.alerts.bot_token, self.settings.alerts.channel
        if token is None or channel is None:
            return False
        api = self.settings.alerts.api_url
        url = (api.get_secret_value() if api else API).rstrip("/") + "/"
        message = Message(url, token.get_secret_value(), channel, shortened(text))
        try:
            shared_process("slack").call("resources.calls.slack:send", message, seconds=self.timeout_seconds)
        except OutsideError as error:  # a listener that breaks must not break what it listens to
            reason = " ".join(str(error).split())
            warnings.warn(masked(f"Slack at {url} did not take an alert: {reason[:300]}"), stacklevel=2)
            return False
        return True


@dataclass(frozen=True)
class Message:
    """What is sent, and where to."""

    url: str = field(repr=False)
    token: str = field(repr=False)
    channel: str
    text: str


def send(message: Message) -> None:
    """Post a message through dagster-slack's client. Raises what that raises."""
    step(STARTUP_SECONDS)
    from dagster_slack import SlackResource

    client = SlackResource(token=message.token).get_client()
    client.base_url = message.url
    client.retry_handlers = []  # the sensors try again at their next tick
    step()
    client.chat_postMessage(channel=message.channel, text=message.text)


def escaped(text: str) -> str:
    """Text as Slack shows it literally: these three characters are its markup (docs: Formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_plain(text: str) -> str:
    """A message that was written for Slack as plain text: signs as characters, nothing bold, nothing escaped."""
    for name, sign in SIGNS.items():
        text = text.replace(name, sign)
    return _BOLD.sub(r"\1", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def shortened(text: str) -> str:
    """The text, or as much of it as Slack shows."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
