"""Simulated events of some days, made and sent."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from reco_assets.events.outlets import destination, sending
from reco_assets.events.simulation.messages import Outgoing, introduction, messages_of
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


def generate(
    settings: Settings, plan: Plan, first: date, end: date, *, introduced: bool = False, watched: Watched = iter
) -> Sent:
    """Send what the people of a plan do from the first day until before the end; `watched` sees the days go by.

    Before the first day come the users and movies themselves, unless they were `introduced` before. Sent again, as
    after an error, the same events have the same ids. Raises `BrokerAwayError`, `EventFilesError`.
    """
    counted, people = Counter[str](), town(plan)
    with sending(settings) as send:

        def tell(told: Iterable[Outgoing]) -> None:
            for each in told:
                topic = f"{settings.events.topic_prefix}{each.kind.topic}"
                send(topic, each.keys, each.values)
                counted[topic] += len(each.values)

        if not introduced:
            tell(introduction(people, first))
        for day in watched(days(first, end)):
            tell(messages_of(people, day))
    return Sent(destination(settings), str(first), str(end), counted.total(), dict(sorted(counted.items())))
