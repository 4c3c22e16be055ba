"""Which windows over the waiting batches a drift report scores: suffixes whose sizes grow by about a factor of two.

Pooled with much that is quiet, a shift hides. So all that waits is scored, and beside it the newest batches: the
newest one, and so on to twice as many rows and twice as many again. Starts are left out where their neighbours are
nearly the same window, as in the smooth histograms of Braverman & Ostrovsky (2007, "Smooth histograms for sliding
windows"): a start goes when the window before it is at most twice as large as the one after it. So of n rows about
2·log2(n) windows are left, and any other suffix lies between two of them that differ by a factor of two at most. The
start of the newest intake always stays. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RATIO = 2


@dataclass(frozen=True, order=True)
class Window:
    """Waiting batches by their position in the order of arrival: from `start`, before `end`."""

    start: int
    end: int

    @property
    def batches(self) -> int:
        """How many."""
        return self.end - self.start


@dataclass(frozen=True)
class Starts:
    """Where the windows start that end with the newest batch: sorted positions, the first is 0.

    `rows`: training rows from each start to before the next; `end`: how many batches wait; `intake`: the id of the
    newest intake, `intake_start`: the position of its first batch.
    """

    at: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    end: int = 0
    intake: str | None = None
    intake_start: int = 0

    def arrive(self, intake: str, rows: int) -> "Starts":
        """One batch more. A batch without the id of an intake is an intake of its own."""
        same = bool(intake) and intake == self.intake
        first = self.intake_start if same else self.end
        at, sizes = [*self.at, self.end], [*self.rows, rows]
        behind = np.cumsum(sizes[::-1])[::-1]
        keep, before = [True] * len(at), 0
        for n in range(1, len(at) - 1):
            if at[n] != first and behind[before] <= RATIO * behind[n + 1]:
                keep[n] = False
            else:
                before = n
        merged: list[int] = []
        for kept, size in zip(keep, sizes, strict=True):
            if kept:
                merged.append(size)
            else:
                merged[-1] += size
        kept_at = tuple(start for start, kept in zip(at, keep, strict=True) if kept)
        return Starts(kept_at, tuple(merged), self.end + 1, intake, first)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows that end with the newest batch, the largest (all that waits) first."""
        return tuple(Window(start, self.end) for start in self.at)

    def name_of(self, finding: Mapping[str, Any]) -> str:
        """What the window of a finding is called in reports."""
        return self.name(Window(finding["start"], finding["end"]))

    def name(self, window: Window) -> str:
        """What a window is called in reports."""
        count = f"{window.batches:,} batches" if window.batches > 1 else "batch"
        if window.end < self.end:
            return f"{window.batches:,} of {self.end:,} batches, up to no. {window.end:,}"
        names = [f"newest {count}"]
        if window.start == self.intake_start:
            names.insert(0, "newest intake")
        if window.start == 0:
            names = ["all that waits", *names[:-1], f"{window.batches:,} batch{'es' * (window.batches > 1)}"]
        return " = ".join(names)
