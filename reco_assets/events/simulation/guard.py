"""Whether a pipeline may simulate events here: they must never mix with a team's real ones unasked."""

from collections.abc import Callable

from reco_assets.events.schema import topics
from reco_assets.sources.choose import choose_place, is_without_source
from reco_assets.sources.remembered import recall
from reco_assets.sources.source import SourceError
from resources.kafka.clients import holds_messages
from resources.settings import Settings

HOW = "EVENTS_SIMULATE=on has them simulated all the same; `reco events generate` does it once"


def why_not(settings: Settings, *, begun: Callable[[], bool]) -> str | None:
    """The reason for which nothing is simulated; None where events are.

    With EVENTS_SIMULATE=auto they are where the ratings are synthetic, or where there are none and none are configured;
    but not into topics that somebody else has filled. `begun` tells whether this lakehouse has simulated there before.
    Raises `BrokerAwayError`.
    """
    if settings.events.simulate == "off":
        return "EVENTS_SIMULATE is off"
    if settings.events.simulate == "on":
        return None
    if ratings := _real_ratings(settings):
        return f"{ratings}, and simulated events would mix with them; {HOW}"
    servers, prefix = settings.events.bootstrap_servers, settings.events.topic_prefix
    if servers and not begun() and holds_messages(servers, topics(prefix)):
        return f"the topics {prefix}* at {servers} hold events that this lakehouse has not simulated; {HOW}"
    return None


def _real_ratings(settings: Settings) -> str | None:
    """Which ratings are there, or are configured, that nobody made up; None where there are none."""
    if is_without_source(settings):
        return None
    known = recall(settings.storage.root)
    if known is not None and known.kind != "synthetic":
        return f"this lakehouse holds ratings from {known.kind or 'a source that is not on record'}"
    try:
        place = choose_place(settings)
    except SourceError as error:
        return f"it can't be told where this lakehouse's ratings come from ({error})"
    return None if place.kind == "synthetic" else f"the ratings come from {place}"
