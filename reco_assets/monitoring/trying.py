"""A test message to everyone who hears of alerts, so that a wrong address shows before it is needed."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from resources.calls.channels import channels
from resources.calls.mail import Mailer
from resources.settings import Settings

TEXT = ":wave: *reco-assets* tries this channel\nWho reads this hears of alerts."


@dataclass(frozen=True)
class Tried:
    """A channel, whether it took the message, and why not."""

    name: str
    taken: bool
    why: str = ""


def try_channels(settings: Settings) -> list[Tried]:
    """Send a message to each channel that is set, and to the recipients of mail. Raises `SettingsError`."""
    tried = [_try(channel.label, partial(channel.post, TEXT)) for channel in channels(settings)]
    mailer = Mailer(settings)
    if mailer.active:
        subject, text = "reco-assets tries its mail", "Who reads this hears of failed runs.\n"
        tried.append(_try("mail", lambda: mailer.send(subject, text, identity=f"test.{time.time_ns()}")))
    return tried


def _try(name: str, post: Callable[[], bool]) -> Tried:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        taken = post()
    return Tried(name, taken, "" if taken or not said else str(said[-1].message))
