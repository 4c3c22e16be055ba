"""Rows that silver refuses, as its quarantine has them: where they came from, their raw text, and why. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.layout import RawForm
from reco_assets.sources.rules import broken_rules, is_future
from reco_assets.sources.source import LINE, SOURCE_FILE
from reco_assets.sources.typed import RESCUED, text_of
from reco_assets.tables import EVENTS_LOG
from reco_assets.vocabulary import CONFLICT

Good = TypeVar("Good")
SCHEMA = pa.schema(
    [("source", pa.string()), ("line", pa.int64()), ("raw", pa.string()), ("reasons", pa.list_(pa.string()))]
)
# Of the rating events, whose raw text stands in `_rescued` as it is.
EVENT_FORM = RawForm(("user_id", "movie_id", "rating", "timestamp"))


@dataclass(frozen=True)
class Cleaned(Generic[Good]):
    """good: the silver columns, as a reader, or a frame of more rows than one machine holds; quarantined: `SCHEMA`."""

    good: Good
    quarantined: pa.Table


def keep_rules(rows: pa.Table, needed: Sequence[str], now: datetime) -> np.ndarray:
    """Which raw rows keep every rule (n,) bool: a typed value is there exactly where its field keeps its rules.

    What only a clock tells is left: whether a time is more than `CLOCK_SKEW` after `now`.
    """
    good = np.ones(len(rows), bool)
    for name in needed:
        if rows[name].null_count:
            good &= np.asarray(rows[name].is_valid())
    return good & ~is_future(rows["timestamp"], now) if "timestamp" in needed else good


def quarantine(refused: pa.Table, lost: pa.Table, form: RawForm, now: datetime) -> pa.Table:
    """The rows that break a rule, with each that they break, and those that lost to another of their key."""
    shown = [_shown(read, broken_rules(read.text, now)) for read in _read(refused, form)]
    shown += [_shown(read, {CONFLICT: np.ones(len(read.rows), bool)}) for read in _read(lost, form)]
    return pa.Table.from_batches(shown, SCHEMA)


@dataclass(frozen=True)
class _Read:
    """Rows with the text of their fields, null where empty, and their raw text (n,)."""

    rows: pa.RecordBatch
    text: Mapping[str, pa.Array]
    raw: pa.Array


def _read(rows: pa.Table, form: RawForm) -> Iterator[_Read]:
    source = rows[SOURCE_FILE].cast(pa.string())
    rows = rows.set_column(rows.column_names.index(SOURCE_FILE), SOURCE_FILE, source)
    are_events = pac.starts_with(source, f"{EVENTS_LOG.name}/")  # no name of a file holds a slash
    for batch in rows.filter(pac.invert(are_events)).combine_chunks().to_batches():
        text = text_of(batch, form)
        yield _Read(batch, text, pac.binary_join_element_wise(*(pac.fill_null(t, "") for t in text.values()), ","))
    for batch in rows.filter(are_events).combine_chunks().to_batches():
        unread = batch.set_column(batch.schema.names.index(RESCUED), RESCUED, pa.nulls(len(batch), pa.string()))
        yield _Read(batch, text_of(unread, EVENT_FORM), batch[RESCUED])


def _shown(read: _Read, broken: Mapping[str, np.ndarray]) -> pa.RecordBatch:
    columns = [read.rows[SOURCE_FILE], read.rows[LINE], read.raw, _listed(broken, len(read.rows))]
    return pa.record_batch(columns, schema=SCHEMA)


def _listed(broken: Mapping[str, np.ndarray], n: int) -> pa.ListArray:
    """The names of the rules that each of n rows breaks."""
    where = np.array(list(broken.values()), bool).reshape(len(broken), n).T
    offsets = np.append(0, np.cumsum(where.sum(axis=1)))
    names = pa.array(list(broken), pa.string()).take(pa.array(np.nonzero(where)[1]))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names)
