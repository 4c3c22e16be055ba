"""Events as messages, and what an extraction left in the lake."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reco_assets.tables import DEAD_LETTERS, EVENTS_LOG
from resources.tables.lakehouse import Lakehouse

FIELDS: dict[str, dict[str, Any]] = {
    "user": {"user_id": 7},
    "movie": {"movie_id": 3, "title": "Heat (1995)", "genres": "Action|Crime"},
    "view": {"user_id": 7, "movie_id": 3, "session_id": "s1"},
    "click": {"user_id": 7, "movie_id": 3, "session_id": "s1"},
    "rating": {"user_id": 7, "movie_id": 3, "rating": 4.5},
}


def event(event_id: str, kind: str = "rating", **changed: Any) -> bytes:
    """One message; `changed` fields win, and one given as `...` is left out."""
    fields = {"event_id": event_id, "event_type": kind, "event_ts": "2026-01-02T10:00:00Z", "schema_version": 1}
    fields |= FIELDS[kind] | changed
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


@dataclass(frozen=True)
class Lake:
    """What lies in the data lake, by a lakehouse."""

    lakehouse: Lakehouse

    @property
    def ids(self) -> list[str]:
        """The event_ids of the log, one for each row, sorted."""
        return sorted(row["event_id"] for row in self.rows)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The log."""
        return self._rows(EVENTS_LOG.name)

    @property
    def letters(self) -> list[dict[str, Any]]:
        """The dead letters."""
        return self._rows(DEAD_LETTERS.name)

    @property
    def reasons(self) -> Counter[str]:
        """How many messages broke which rule."""
        return Counter(reason for letter in self.letters for reason in letter["reasons"])

    def _rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.lakehouse.dataset(name).to_table().to_pylist()
        return rows


@pytest.fixture
def lake(lakehouse: Lakehouse) -> Lake:
    return Lake(lakehouse)


@pytest.fixture
def put(lakehouse: Lakehouse) -> Callable[..., Path]:
    """Append messages to the file of a partition of the lakehouse's own topics."""

    def append(*messages: bytes, topic: str = "ratings", partition: int = 0) -> Path:
        path = lakehouse.path("events/files", f"reco.{topic}", f"{partition}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.writelines(message + b"\n" for message in messages)
        return path

    return append
