"""The batches of an epoch: every rating once, in an order of its own, each with movies that its user did not rate."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reco_assets.models.ncf.lessons import Lessons


@dataclass(frozen=True)
class Batch:
    """B ratings; the last batch of an epoch repeats some, with weight 0, so that all are of one size.

    Attributes:
        user: (B,) int32.
        movie: (B, 1 + negatives) int32, the rated movie first.
        weight: (B, 1 + negatives) float32: 1, or 0 for a repeated rating and for a drawn movie that its user rated.
    """

    user: np.ndarray
    movie: np.ndarray
    weight: np.ndarray


class Draws:
    """Draws the batches of some lessons; each epoch's follow from the seed and its number, whatever came before."""

    def __init__(self, lessons: Lessons, size: int, negatives: int, seed: int) -> None:
        self._lessons, self._size, self._negatives, self._seed = lessons, size, negatives, seed
        self._pairs = np.sort(self._key(lessons.user, lessons.movie))

    @property
    def batches(self) -> int:
        """How many an epoch has."""
        return -(-len(self._lessons) // self._size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, drawn one by one: memory need not hold more than one."""
        rng = np.random.default_rng((self._seed, number))
        order = rng.permutation(len(self._lessons))
        for start in range(0, len(order), self._size):
            taken = order[start : start + self._size]
            yield self._batch(np.resize(taken, self._size), np.arange(self._size) < len(taken), rng)

    def _batch(self, taken: np.ndarray, real: np.ndarray, rng: np.random.Generator) -> Batch:
        user, rated = self._lessons.user[taken], self._lessons.movie[taken]
        drawn = rng.integers(0, self._lessons.movies, (self._size, self._negatives), dtype=np.int32)
        weight = np.concatenate([np.ones((self._size, 1), bool), ~self._rated(user, drawn)], axis=1) & real[:, None]
        return Batch(user, np.concatenate([rated[:, None], drawn], axis=1), weight.astype(np.float32))

    def _rated(self, user: np.ndarray, movie: np.ndarray) -> np.ndarray:
        asked = self._key(user[:, None], movie)
        at = np.minimum(np.searchsorted(self._pairs, asked), len(self._pairs) - 1)
        found: np.ndarray = self._pairs[at] == asked
        return found

    def _key(self, user: np.ndarray, movie: np.ndarray) -> np.ndarray:
        key: np.ndarray = user.astype(np.int64) * self._lessons.movies + movie
        return key
