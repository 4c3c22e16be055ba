"""Slack as a listener: it gets the alerts when a bot token and a channel are set.

The platform never depends on it: where Slack can't be reached or refuses, a post warns and returns within seconds.
"""

import warnings
from dataclasses import dataclass

from resources.settings import Settings

LONGEST_TEXT = 3000  # Slack shows less of a longer one and refuses far longer ones


@dataclass(frozen=True)
class SlackAlerts:
    """One channel, written to through dagster-slack's client."""

    settings: Settings
    timeout_seconds: float = 3.0

    @property
    def active(self) -> bool:
        """Whether a token and a channel are set."""
        return bool(self.settings.slack_bot_token and self.settings.slack_channel)

    def post(self, text: str) -> bool:
        """Send a message in Slack's mrkdwn; True when Slack took it, False (with a warning) when it did not.

        Sends nothing and returns False when Slack is not configured.
        """
        token, channel = self.settings.slack_bot_token, self.settings.slack_channel
        if token is None or channel is None:
            return False
        from dagster_slack import SlackResource

        client = SlackResource(token=token.get_secret_value()).get_client()
        client.timeout = self.timeout_seconds  # type: ignore[assignment]  # urllib takes fractions; the default is 30 s
        client.retry_handlers = []  # the sensors try again at their next tick
        if self.settings.slack_api_url:
            client.base_url = self.settings.slack_api_url.rstrip("/") + "/"
        try:
            client.chat_postMessage(channel=channel, text=_shortened(text))
        except Exception as error:  # a listener that breaks must not break what it listens to
            reason = " ".join((str(error) or type(error).__name__).split())
            warnings.warn(f"Slack at {client.base_url} did not take an alert: {reason[:300]}", stacklevel=2)
            return False
        return True


def escaped(text: str) -> str:
    """Text as Slack shows it literally: these three characters are its markup (docs: Formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
