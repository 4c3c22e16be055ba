"""Sums of what models come to in slices: they add up over blocks of users, and travel as bytes. Pure."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

Key = tuple[str, ...]
FIGURES, LISTED, SPREAD, DIFFERENCE = "figures", "listed", "spread", "difference"
ACCURACY = ("test_count", "warm_count", "squared_error", "absolute_error", "users", "ndcg", "hits")


@dataclass(frozen=True)
class Tally:
    """Sums by what they are of, whose, and in which slice.

    (figures, model, *slice): `ACCURACY`; (listed, model, *slice): how often each movie is in lists of these users,
    (m + 1,); (spread, model, *slice): lists of at least two movies, and the sum of their intra-list distances;
    (difference, model, rival, *slice): of NDCG and then of squared errors, the users, and the sums of what the user got
    more than by the rival and of its squares, (6,).
    """

    sums: Mapping[Key, np.ndarray]

    @classmethod
    def pooled(cls, blocks: Iterable["Tally"]) -> Self:
        """Add up blocks; no user is in two."""
        sums: dict[Key, np.ndarray] = {}
        for block in blocks:
            for key, values in block.sums.items():
                sums[key] = sums[key] + values if key in sums else values
        return cls(sums)

    def packed(self) -> bytes:
        """The same as bytes, which are few: most movies are in no list."""
        packed = io.BytesIO()
        np.savez_compressed(packed, np.array(json.dumps(list(self.sums))), *self.sums.values())
        return packed.getvalue()

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """Read what `packed` made."""
        keys, *values = np.load(io.BytesIO(packed)).values()
        return cls({tuple(key): sums for key, sums in zip(json.loads(str(keys)), values, strict=True)})
