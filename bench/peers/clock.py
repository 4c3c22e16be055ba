"""What every peer script says of itself: one line of JSON for each stage that ended."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stage(name: str) -> Iterator[dict[str, Any]]:
    """Print the seconds and CPU seconds of what is done inside, and what it put into the dictionary."""
    found: dict[str, Any] = {}
    started, used = time.monotonic(), _cpu()
    yield found
    tell(name, time.monotonic() - started, _cpu() - used, **found)


def tell(name: str, seconds: float, cpu: float, **found: Any) -> None:
    """Print a stage's line."""
    print(json.dumps({"stage": name, "seconds": seconds, "cpu": cpu} | found), flush=True)


def _cpu() -> float:
    return sum(os.times()[:4])
