"""Extraction again and again, until somebody ends it."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event

from reco_assets.events.extraction.counts import Extracted
from reco_assets.events.extraction.extract import extract
from reco_assets.events.extraction.messages import EventsError
from resources.kafka.clients import BrokerAwayError
from resources.tables.lakehouse import Lakehouse

MOST_AT_ONCE = 100_000  # messages between two looks at whether to end: 3 s
REPORT_SECONDS = 60.0


def stream(
    lakehouse: Lakehouse, ended: Event, tell: Callable[[str], None], report: Callable[[Extracted], None]
) -> Extracted:
    """Take messages into the lake as they come, until `ended` is set; what is begun then is finished.

    A source that can't be read is told of, once for as long as it is away, and asked again.

    Args:
        lakehouse: Where the lake is; EVENTS_POLL_SECONDS says how long to wait where nothing is left to be taken.
        ended: Set by who ends it, as from the handler of a signal.
        tell: Says a line to a person.
        report: Is handed what was done since it was called last: at once where messages were lost, else each minute in
            which something came, and at the end.

    Returns:
        All that was done.
    """
    settings = lakehouse.settings
    most = min(settings.events.max_per_run, MOST_AT_ONCE)
    lakehouse = replace(lakehouse, settings=settings.changed(events_max_per_run=most))
    total, unreported, reported, known = Extracted(), Extracted(), time.monotonic(), ""
    while not ended.is_set():
        done, problem = _tried(lakehouse)
        for line in ([problem] if problem not in ("", known) else []) + done.losses:
            tell(line)
        if done.read:
            tell(str(done))
        known, total, unreported = problem, total + done, unreported + done
        is_due = unreported.read and time.monotonic() - reported >= REPORT_SECONDS
        if done.losses or is_due:
            report(unreported)
            unreported, reported = Extracted(), time.monotonic()
        if problem or not done.lag:
            ended.wait(settings.events.poll_seconds)
    if unreported.read:
        report(unreported)
    return total


def _tried(lakehouse: Lakehouse) -> tuple[Extracted, str]:
    """What an extraction did, and what kept it from going on, if anything did."""
    try:
        return extract(lakehouse), ""
    except (BrokerAwayError, EventsError) as error:
        return Extracted(), str(error)
