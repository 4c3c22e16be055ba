"""Simulated events of some days, made and sent."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from reco_assets.events.outlets import destination, sending
from reco_assets.events.simulation.messages import messages_of
from reco_assets.events.simulation.people import Plan, days, town
from resources.settings import Settings

Watched = Callable[[Sequence[date]], Iterable[date]]


@dataclass(frozen=True)
class Sent:
    """What was sent where: events in all and of each topic, of the days from the first until before the end."""

    to: str
    first_day: str
    end_day: str
    events: int
    topics: dict[str, int]


def generate(settings: Settings, plan: Plan, first: date, end: date, watched: Watched = iter) -> Sent:
    """Send what the people of a plan do from the first day until before the end; `watched` sees the days go by.

    Raises `BrokerAwayError`, `EventFilesError`. Sent again, as after an error, the same events have the same ids.
    """
    counted, people = Counter[str](), town(plan)
    with sending(settings) as send:
        for day in watched(days(first, end)):
            for made in messages_of(people, day):
                topic = f"{settings.events.topic_prefix}{made.kind.topic}"
                send(topic, made.keys, made.values)
                counted[topic] += len(made.values)
    return Sent(destination(settings), str(first), str(end), counted.total(), dict(sorted(counted.items())))
