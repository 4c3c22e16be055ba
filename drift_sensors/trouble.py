"""The sensor that tells a listener, once each, of what fails first, is given up, and is well again.

What it remembers is its cursor, which moves past what was told and no further: an outage of the listener, or of this
process, loses nothing and repeats nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import dagster as dg
from dagster import DagsterInstance

from drift_sensors.heard import Event, events_after, newest_event
from drift_sensors.outages import Book, dump, enter, load
from drift_sensors.telling import INTERVAL_SECONDS, TICK_SECONDS
from drift_sensors.trouble_texts import Told

TOGETHER = 10  # checks and ages that one message holds

Hears = Callable[[Event], bool]
"""Whether a listener is told of such an event."""

Tell = Callable[[DagsterInstance, Sequence[Told]], bool]
"""Tells in one message: whether the listener took it."""


def trouble_sensor(name: str, description: str, listener: str, hears: Hears, tell: Tell) -> dg.SensorDefinition:
    """The sensor that tells a listener, on by default."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance = context.instance
        if context.cursor is None:  # who turns it on wants no news of the past
            start = dump(Book(newest_event(instance)))
            return dg.SensorResult(cursor=start, skip_reason="Alerts begin with what happens from now on.")
        told = _tell_all(instance, load(context.cursor), hears, tell)
        if told.error is not None and not told.sent:
            raise told.error
        words = f"{told.sent} alerts sent."
        if told.error is not None:  # the cursor must not stay before what was told; the next tick raises
            words = f"{told.sent} alerts sent, then: {told.error}"
        elif not told.taken:
            words = f"{listener} did not take an alert; it is sent again at the next tick."
        return dg.SensorResult(cursor=dump(told.book), skip_reason=words)

    return dg.SensorDefinition(
        name=name,
        description=description,
        evaluation_fn=evaluate,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


class _Teller:
    """Where a tick is: `book` knows what was told, `ahead` also what waits to be told in the next message."""

    def __init__(self, instance: DagsterInstance, book: Book, tell: Tell) -> None:
        self.instance, self.tell = instance, tell
        self.book = self.ahead = book
        self.waiting, self.sent = list[Told](), 0
        self.taken, self.error = True, None  # type: bool, Exception | None

    def send(self) -> bool:
        """Tell what waits; whether the tick may go on."""
        if self.waiting:
            try:
                self.taken = self.tell(self.instance, self.waiting)
            except Exception as error:
                self.error = error
            if self.error is not None or not self.taken:
                return False
            self.sent += len(self.waiting)
        self.book, self.waiting = self.ahead, []
        return True


def _tell_all(instance: DagsterInstance, book: Book, hears: Hears, tell: Tell) -> _Teller:
    deadline, teller = time.monotonic() + TICK_SECONDS, _Teller(instance, book, tell)
    events, last = events_after(instance, book.after)
    for event in events:
        after, change = enter(teller.ahead, event.heard) if hears(event) else (teller.ahead, None)
        if change:
            told = Told(event, change)
            alone = told.of_job or any(each.of_job for each in teller.waiting) or len(teller.waiting) >= TOGETHER
            if teller.waiting and alone and not (teller.send() and time.monotonic() < deadline):
                return teller
            teller.waiting.append(told)
        teller.ahead = replace(after, after=event.storage_id)
    teller.ahead = replace(teller.ahead, after=last)
    teller.send()
    return teller
