"""What happened since the last digest, when the next one is due, and its words. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from drift_sensors import outages
from drift_sensors.outages import Book, Heard, Level
from reco_assets.pipelines.jobs import in_words
from resources.calls.slack import escaped

NAMED = 10  # jobs, and outages, that a digest names
JOB = "job "


@dataclass(frozen=True)
class Day:
    """What was counted since the last digest; `failed` is {job: its failed runs}, `calls` reports that want a model."""

    failed: Mapping[str, int] = field(default_factory=dict)
    promoted: int = 0
    rejected: int = 0
    reports: int = 0
    calls: int = 0
    highest_score: float = 0.0
    batches: int = 0
    ratings: int = 0


@dataclass(frozen=True)
class State:
    """What the sensor remembers: when a digest was sent last (Unix seconds), the day since, what is out of order, and
    {asset: the place in the event log up to which it was counted}.
    """

    sent: float
    book: Book
    seen: Mapping[str, int]
    day: Day = field(default_factory=Day)


def due(now: float, sent: float, hour: int) -> bool:
    """Whether the hour (UTC, 0 to 23) has come since a digest was sent last; both times in Unix seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    last = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    if last > moment:
        last -= timedelta(days=1)
    return sent < last.timestamp()


def hear(state: State, heard: Heard) -> State:
    """The state after what was heard of a job, a check or an age."""
    book, _ = outages.enter(state.book, heard)
    failed = dict(state.day.failed)
    if heard.subject.startswith(JOB) and heard.level is not None and heard.level >= Level.FAILS:
        job = heard.subject.removeprefix(JOB).removeprefix("of ")
        failed[job] = failed.get(job, 0) + 1
    return replace(state, book=book, day=replace(state.day, failed=failed))


def decided(day: Day, found: Mapping[str, Any]) -> Day:
    """The day after a decision on a candidate, by the metadata of its asset; one reported by hand says nothing."""
    if "promoted" not in found:
        return day
    if found["promoted"]:
        return replace(day, promoted=day.promoted + 1)
    return replace(day, rejected=day.rejected + 1)


def reported(day: Day, found: Mapping[str, Any]) -> Day:
    """The day after a drift report, by the metadata of its asset."""
    if not found.keys() >= {"drift_score", "should_retrain"}:
        return day
    highest = max(day.highest_score, float(found["drift_score"]))
    return replace(day, reports=day.reports + 1, calls=day.calls + bool(found["should_retrain"]), highest_score=highest)


def taken_in(day: Day, found: Mapping[str, Any]) -> Day:
    """The day after an intake, by the metadata of its asset."""
    batches, ratings = int(found.get("files_received", 0)), int(found.get("good", 0))
    return replace(day, batches=day.batches + batches, ratings=day.ratings + ratings)


def message(state: State, lists_made: float | None, now: float) -> str:
    """The digest in Slack's mrkdwn; `lists_made`: when the lists were, None before the first (Unix seconds)."""
    title, lists = f":newspaper: *Digest* since {_utc(state.sent)}", "no lists were made yet"
    if lists_made is not None:
        lists = f"lists are {in_words(timedelta(seconds=max(0.0, now - lists_made)))} old"
    lines = list(_lines(state))
    if not lines:
        return f"{title}: nothing failed, nothing was decided, nothing came in; {lists}"
    return "\n".join([title, *(f"• {line}" for line in [*lines, lists])])


def _lines(state: State) -> Iterator[str]:
    day = state.day
    if day.failed:
        most_first = sorted(day.failed.items(), key=lambda each: -each[1])
        yield f"failed runs: {_some([f'{count:,} of {escaped(job)}' for job, count in most_first])}"
    if state.book.outages:
        oldest_first = sorted(state.book.outages.items(), key=lambda each: each[1].since)
        yield f"out of order still: {_some([f'{escaped(it)} since {_utc(was.since)}' for it, was in oldest_first])}"
    if day.promoted or day.rejected:
        yield f"candidates: {day.promoted:,} promoted, {day.rejected:,} rejected"
    if day.reports:
        score = f"highest score {day.highest_score:.2f}"
        yield f"drift reports: {day.reports:,}, {score}, {day.calls:,} call for retraining"
    if day.batches:
        yield f"taken in: {day.batches:,} batches with {day.ratings:,} ratings"


def _some(names: list[str]) -> str:
    more = [f"and {len(names) - NAMED:,} more"] if len(names) > NAMED else []
    return "; ".join([*names[:NAMED], *more])


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def dump(state: State) -> str:
    """The state as the sensor's cursor."""
    kept = {"sent": state.sent, "book": outages.dump(state.book), "seen": dict(state.seen), "day": asdict(state.day)}
    return json.dumps(kept)


def load(cursor: str) -> State:
    """The state as `dump` wrote it."""
    kept = json.loads(cursor)
    return State(kept["sent"], outages.load(kept["book"]), kept["seen"], Day(**kept["day"]))
