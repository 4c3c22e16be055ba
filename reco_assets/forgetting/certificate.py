"""The certificate: what was removed where, what the platform can't reach, and what a look at all of it found after."""

import hashlib
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reco_assets.forgetting.holders import CERTIFICATES
from resources.files import write_json

SCHEMA = 1


@dataclass(frozen=True)
class Found:
    """What one place held of the users: how many of its unit, and its bytes before and after."""

    holder: str
    unit: str
    place: str
    found: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class NotReached:
    """A place that the platform can't change, or can't look into, and what a person does there."""

    what: str
    where: str
    do: str


@dataclass(frozen=True)
class Unread:
    """A place that can't be read or changed: it is damaged, locked or another user's. It may hold them."""

    place: str
    why: str


@dataclass(frozen=True)
class Certificate:
    """`users`: keyed hashes of the ids, which never stand here. `left`: what was still found afterwards, and `unread`:
    where nobody could look then; it is proof where both are empty.
    """

    made_ts: str
    code_version: str
    users: tuple[str, ...]
    places: tuple[Found, ...]
    not_reached: tuple[NotReached, ...]
    batches_recounted: int = 0
    left: tuple[Found, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all places were looked at afterwards, and nothing was found."""
        return not self.left and not self.unread

    @property
    def models(self) -> list[str]:
        """The folders of the versions that knew one of the users."""
        return sorted({found.place for found in self.places if found.holder.startswith("models")})

    @property
    def totals(self) -> dict[str, dict[str, int]]:
        """By holder: places, what was found, and bytes before and after."""
        parts = ("places", "found", "before", "after")
        summed: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(parts, 0))
        for each in self.places:
            total = summed[f"{each.holder} ({each.unit})"]
            total["places"] += 1
            total["found"] += each.found
            total["before"] += each.bytes_before
            total["after"] += each.bytes_after
        return dict(summed)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        facts = asdict(self)
        left, unread = facts.pop("left"), facts.pop("unread")
        return {
            "schema": SCHEMA,
            **facts,
            "models_to_retrain": self.models,
            "verification": {"passed": self.passed, "left": left, "unread": unread},
        }


def write_certificate(root: Path, certificate: Certificate) -> Path:
    """Write it under its time and a hash of whom it is about; returns where it lies."""
    short = hashlib.sha256("".join(certificate.users).encode()).hexdigest()[:8]
    stamp = certificate.made_ts.replace("-", "").replace(":", "")
    path = root / CERTIFICATES / f"{stamp}-{short}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, certificate.document())
    return path
