"""Statistics that several rooms share: how far two histograms are apart, and hashes of ids. Pure numpy."""

import numpy as np

PRIOR = 0.5  # Jeffreys: half a row in every bin keeps the divergence finite on disjoint supports

# The primes of xxHash64, whose specification is https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
_PRIME_1, _PRIME_2, _PRIME_3, _PRIME_5 = (
    np.uint64(prime) for prime in (11400714785074694791, 14029467366897019727, 1609587929392839161, 2870177450012600261)
)
_SPARK_SEED = np.uint64(42)  # of xxhash64 in Spark SQL


def divergence(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """KL(current || reference) in nats of counts (…, k), with half a row added to every bin of either."""
    p = (current + PRIOR) / (current + PRIOR).sum(axis=-1, keepdims=True)
    q = (reference + PRIOR) / (reference + PRIOR).sum(axis=-1, keepdims=True)
    # Rounding may leave -1e-17 of a divergence that is 0.
    found: np.ndarray = np.maximum((p * np.log(p / q)).sum(axis=-1), 0.0)
    return found


def jensen_shannon(first: np.ndarray, second: np.ndarray) -> float:
    """Divergence in bits, 0 to 1, of two arrays of counts.

    Lin (1991), "Divergence measures based on the Shannon entropy", eq. 4.1.
    """
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    return max(0.0, (_bits(p, middle) + _bits(q, middle)) / 2)


def pair_number(user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
    """One number for each of n pairs of ids from 0 to 2³¹ - 1: (n,) int64; -1 where there is no movie (-1)."""
    return user_id.astype(np.int64) << 32 | movie_id.astype(np.int64)


def splitmix64(numbers: np.ndarray, seed: int) -> np.ndarray:
    """A hash (n,) uint64 of numbers (n,): the finalizer of splitmix64 (Steele, Lea & Flood, 2014), seeded."""
    mixed = numbers.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    hashed: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return hashed


def xxhash64(*columns: np.ndarray) -> np.ndarray:
    """xxHash64 of int32 columns (n,) each, every one seeding the next as in Spark SQL; (n,) int64."""
    hashed = np.full(len(columns[0]), _SPARK_SEED)
    for column in columns:
        hashed = hashed + _PRIME_5 + np.uint64(4)
        hashed ^= column.view(np.uint32).astype(np.uint64) * _PRIME_1
        hashed = (hashed << np.uint64(23) | hashed >> np.uint64(41)) * _PRIME_2 + _PRIME_3
        hashed = (hashed ^ hashed >> np.uint64(33)) * _PRIME_2
        hashed = (hashed ^ hashed >> np.uint64(29)) * _PRIME_3
        hashed ^= hashed >> np.uint64(32)
    return hashed.view(np.int64)


def _bits(p: np.ndarray, q: np.ndarray) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())
