"""Which ratings are the newest, for whoever cuts a table in time: the split, and slices of what is trained on. Pure."""

from collections.abc import Callable

import numpy as np

Ties = Callable[[np.ndarray], np.ndarray]
_SECOND = 1_000_000  # of microseconds


def newest_of_all(number: np.ndarray, last: np.ndarray, fraction: float, ties: Ties) -> np.ndarray:
    """Which of p pairs are in the newest fraction of all, rounded down: (p,) bool.

    Args:
        number: `pair_number` of each, (p,) int64, ascending.
        last: The time of each pair's last rating in microseconds, (p,) int64.
        fraction: From 0 to 1.
        ties: A hash (n,) of pairs by their numbers: of those at the same time the greatest are the newest.
    """
    wanted = int(len(last) * fraction)
    if wanted == 0:
        return np.zeros(len(last), bool)
    cut = np.partition(last, len(last) - wanted)[len(last) - wanted]
    newest: np.ndarray = last > cut
    tied = np.flatnonzero(last == cut)
    left = wanted - np.count_nonzero(newest)
    newest[tied[np.argsort(ties(number[tied]))[len(tied) - left :]]] = True
    return newest


def newest_of_each_user(number: np.ndarray, last: np.ndarray, fraction: float, ties: Ties) -> np.ndarray:
    """Which of p pairs are in the newest fraction of their user's, rounded down; else as `newest_of_all`."""
    user = number >> 32
    first = np.flatnonzero(np.diff(user, prepend=-1))
    counts = np.diff(first, append=len(user))
    wanted = np.floor(counts * fraction).astype(np.int64)
    of_user = np.repeat(np.arange(len(first)), counts)
    key = _user_and_time(of_user, last)
    cut = np.full(len(first), np.iinfo(np.int64).max)
    some = wanted > 0
    cut[some] = np.sort(key)[(first + counts - wanted)[some]]
    newest = key > cut[of_user]
    tied = np.flatnonzero(key == cut[of_user])
    tied = tied[np.lexsort((ties(number[tied]), of_user[tied]))]
    left = wanted - np.bincount(of_user[newest], minlength=len(first))
    end = np.cumsum(np.bincount(of_user[tied], minlength=len(first)))
    newest[tied[end[of_user[tied]] - np.arange(len(tied)) <= left[of_user[tied]]]] = True
    return newest


def _user_and_time(of_user: np.ndarray, last: np.ndarray) -> np.ndarray:
    """One number (p,) int64 that sorts by user, who is numbered from 0, and then by time."""
    time = last // _SECOND
    if (time * _SECOND != last).any() or time.min(initial=0) < 0 or _bits(time) + _bits(of_user) > 63:
        time = np.unique(last, return_inverse=True)[1]
    found: np.ndarray = of_user << _bits(time) | time
    return found


def _bits(numbers: np.ndarray) -> int:
    return int(numbers.max(initial=0)).bit_length()
