"""Many windows over the same cells, and what lies in each: sums, so that thousands take one call. Pure numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reco_assets.drift.cells import Cells, by_position
from reco_assets.drift.windows import Window


@dataclass(frozen=True)
class Spans:
    """n windows whose starts and ends are among the positions (sorted; the last one is the end of all)."""

    windows: Sequence[Window]
    positions: np.ndarray
    cells: Cells

    @cached_property
    def at(self) -> np.ndarray:
        """The numbers of the positions where each window starts and ends, (n, 2)."""
        bounds = [(window.start, window.end) for window in self.windows]
        return np.searchsorted(self.positions, bounds).reshape(-1, 2)

    def totals(self, cells: np.ndarray, size: int) -> np.ndarray:
        """Rows per value of cells (k, 4) that lie before each position, and before the end: (positions + 1, size)."""
        counts = by_position(cells, self.positions, size)
        return np.concatenate([np.zeros((1, size), np.int64), np.cumsum(counts, axis=0)])

    def inside(self, totals: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
        """From totals before each position: those inside of the windows, or of the chosen ones, (n, size)."""
        at = self.at if chosen is None else self.at[chosen]
        found: np.ndarray = totals[at[:, 1]] - totals[at[:, 0]]
        return found

    def sums(self, cells: np.ndarray, column: int) -> np.ndarray:
        """A column of cells, such as their rows, added up inside of each window, (n,)."""
        of_one_value = np.stack([cells[:, 0], cells[:, 1], np.zeros_like(cells[:, 0]), cells[:, column]], axis=1)
        return self.inside(self.totals(of_one_value, 1))[:, 0]
