"""What pipelines simulate: first some weeks, from then on the days since, as far as the guard allows."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from reco_assets.events.outlets import destination, lake
from reco_assets.events.simulation.generate import generate
from reco_assets.events.simulation.guard import why_not
from reco_assets.events.simulation.people import Plan
from resources.files import write_text_atomically
from resources.kafka.clients import cluster_id
from resources.locking.locks import held
from resources.settings import Settings

FILE = "simulated.json"
HISTORY_DAYS = 60  # of the first run: about 200,000 events of 600 users


class Progress(BaseModel):
    """How far a simulation has come: its plan, and the next day to send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: Plan
    next: date


class _Noted(RootModel[dict[str, Progress]]):
    """How far each has come, by where its events go."""


def simulate(settings: Settings, today: date) -> dict[str, Any]:
    """Send the events of all days before `today` that were not sent yet; returns what a run shows: where to, how many,
    and `skipped`, the reason where nothing was sent.

    A run that breaks off sends its days again, and so does one that finds no note of how far it came: the ids are the
    same, and extraction drops what it has. Raises `BrokerAwayError`, `EventFilesError`, `LockError`.
    """
    note = lake(settings) / FILE
    if reason := why_not(settings, begun=lambda: _where(settings) in _read(note)):
        return _nothing(settings, reason)
    with held(
        note.with_name(f".{FILE}.lock"),
        f"the simulation of events in {note.parent}",
        settings.storage.lock_timeout_seconds,
    ):
        return _go_on(settings, note, today)


def _go_on(settings: Settings, note: Path, today: date) -> dict[str, Any]:
    noted, where, oldest = _read(note), _where(settings), today - timedelta(HISTORY_DAYS)
    shape, reached = settings.synthetic, noted.get(where)
    plan = Plan(shape.users, shape.movies, shape.seed)
    if reached and reached.plan != plan:
        reached = None
    first = oldest if reached is None else max(reached.next, oldest)
    if first >= today:
        return _nothing(settings, f"the events of all days before {first} were sent already")
    sent = generate(settings, plan, first, today, introduced=reached is not None)
    noted[where] = Progress(plan=plan, next=today)
    write_text_atomically(note, _Noted(noted).model_dump_json(indent=2) + "\n")
    return asdict(sent)


def _where(settings: Settings) -> str:
    """Names where events go as long as what is there stays: another cluster has other topics."""
    servers = settings.events.bootstrap_servers
    return (
        f"{cluster_id(servers)}/{settings.events.topic_prefix}" if servers else f"files/{settings.events.topic_prefix}"
    )


def _read(note: Path) -> dict[str, Progress]:
    """What is noted; nothing where the note is gone or damaged: then the last weeks are sent again."""
    try:
        return _Noted.model_validate_json(note.read_bytes()).root
    except (FileNotFoundError, ValidationError):
        return {}


def _nothing(settings: Settings, reason: str) -> dict[str, Any]:
    return {"to": destination(settings), "events": 0, "skipped": reason}
