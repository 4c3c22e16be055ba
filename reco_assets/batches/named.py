"""Which batches a step was about, as its metadata says it. Pure."""

from collections.abc import Sequence
from typing import Any

BATCHES = "batches"
NAMED = 100  # of a backlog of thousands the names alone would be larger than the rest of the run's record


def named_batches(batches: Sequence[str]) -> dict[str, Any]:
    """Metadata of batches, which come in the order of their intake: how many, and the newest of them first."""
    return {BATCHES: {"count": len(batches), "newest": list(reversed(batches[-NAMED:]))}}
