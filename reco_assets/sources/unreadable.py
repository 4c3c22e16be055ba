"""A share of unreadable rows that no healthy file has stops a run before it replaces anything. Pure.

A healthy file has a few damaged rows, and those go to quarantine. A file in another scale, unit or format has many:
then the few that pass are as wrong as the rest. It is unreadable when more than `QUARANTINE_MAX_SHARE` of its rows
break a rule and these are at least `MIN_ROWS`, as one bad row of three says nothing, or are all that there are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from reco_assets.sources.advice import Sample, advice
from reco_assets.sources.raw_forms import raw_form_of
from reco_assets.sources.rules import broken_rules, is_future
from reco_assets.sources.source import LINE, SOURCE_FILE, RawTable, SourceError
from reco_assets.sources.typed import RESCUED, text_of
from resources.text.plain_text import printable

MIN_ROWS = 10
SHOWN_LINES = 3
LINE_CHARACTERS = 80
KEPT_SAMPLES = 200  # per reason, to tell what is wrong with all of them


@dataclass
class Tally:
    """Of one file's rows: how many there are and are unreadable, how many by each reason, some of those.

    `apart`: what stands in lines of its own, which samples leave out.
    """

    rows: int = 0
    unreadable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()

    def add(self, batch: pa.RecordBatch, now: datetime) -> None:
        """Count the rows of a raw batch, all of one file; those after `now` are of the future."""
        self.rows += len(batch)
        odd = np.asarray(batch[RESCUED].is_valid())
        if "timestamp" in batch.schema.names:
            odd |= is_future(batch["timestamp"], now)
        if not odd.any():
            return
        rows = batch.filter(pa.array(odd))
        text = text_of(rows, raw_form_of(rows.schema, "This batch"))
        broken = broken_rules(text, now)
        if broken:
            self.unreadable += int(np.logical_or.reduce(list(broken.values())).sum())
        written = pa.table({name: field.fill_null("") for name, field in text.items() if name not in self.apart})
        for reason, where in broken.items():
            self.reasons[reason] += int(where.sum())
            kept = self.samples.setdefault(reason, [])
            shown = np.flatnonzero(where)[: KEPT_SAMPLES - len(kept)]
            lines = rows[LINE].take(pa.array(shown)).to_pylist()
            samples = written.take(pa.array(shown)).to_pylist()
            kept += [Sample(line, ",".join(row.values()), row) for line, row in zip(lines, samples, strict=True)]

    def add_row(self, reasons: Iterable[str], sample: Sample) -> None:
        """Count one unreadable row; its file's `rows` are counted by the caller."""
        self.unreadable += 1
        for reason in reasons:
            self.reasons[reason] += 1
            kept = self.samples.setdefault(reason, [])
            if len(kept) < KEPT_SAMPLES:
                kept.append(sample)

    def is_unreadable(self, limit: float) -> bool:
        """Whether so many rows break a rule that the file is in another format than it is read in."""
        share_is_high = self.unreadable > limit * self.rows
        return share_is_high and (self.unreadable >= MIN_ROWS or self.unreadable == self.rows)


def require_readable(path: Path | str, tally: Tally, limit: float) -> None:
    """Raise `SourceError` if the file is unreadable: with the reasons, three of its lines and what to do."""
    if not tally.is_unreadable(limit):
        return
    share = tally.unreadable / tally.rows
    counts = ", ".join(f"{reason} {count:,}" for reason, count in tally.reasons.most_common())
    (commonest, _), *_ = tally.reasons.most_common(1)
    lines = " | ".join(f"line {sample.line}: {_shown(sample.raw)}" for sample in tally.samples[commonest][:SHOWN_LINES])
    rule = (
        f"{tally.unreadable:,} of {tally.rows:,} rows ({share:.1%}) break a rule, more than "
        f"QUARANTINE_MAX_SHARE={limit:g}: {counts}. For example {lines}"
    )
    # One remark for what is wrong with most: the other reasons often follow from it.
    rest = (
        "No row of the file was loaded, and nothing replaced. To put those rows into quarantine and load the others: "
        "QUARANTINE_MAX_SHARE=1 for one run."
    )
    raise SourceError(path, None, rule, f"{advice(commonest, tally.samples[commonest])} {rest}")


def watched(table: RawTable, files: Mapping[str, Path], limit: float, now: datetime) -> RawTable:
    """The table, whose batches raise `SourceError` behind the last one if one of its files is unreadable.

    `files` are their paths by name; a row after `now` is of the future. Who writes the batches in one commit has
    written nothing then.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        tallies: dict[str, Tally] = {}
        for batch in table.batches():
            if len(batch):
                tally = tallies.setdefault(batch[SOURCE_FILE][0].as_py(), Tally(apart=table.columns.apart))
                tally.add(batch, now)
            yield batch
        for name, tally in tallies.items():
            require_readable(files.get(name, name), tally, limit)

    return RawTable(table.columns, batches)


def with_rows(table: RawTable, path: Path | str) -> RawTable:
    """The table, whose batches raise `SourceError` at their end if there was no row."""

    def batches() -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in table.batches():
            rows += len(batch)
            yield batch
        if not rows:
            rule = "the file holds a header and no rows"
            raise SourceError(path, None, rule, "Replace it by a complete copy. Nothing was replaced by it.")

    return RawTable(table.columns, batches)


def _shown(raw: str) -> str:
    """A line as it may stand in a message: of bounded length, without control characters."""
    return printable(raw if len(raw) <= LINE_CHARACTERS else f"{raw[: LINE_CHARACTERS - 1]}…")
