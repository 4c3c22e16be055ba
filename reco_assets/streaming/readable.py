"""Whether a streamed file is in the format that it is read in, told from what became of its lines. Pure."""

import csv
from pathlib import Path

from reco_assets.sources.advice import Sample
from reco_assets.sources.netflix import LAYOUT
from reco_assets.sources.unreadable import Tally, require_readable
from reco_assets.streaming.reader import ParsedFile
from reco_assets.vocabulary import CONFLICT, CSV_COLUMNS


def require_readable_stream(path: Path, parsed: ParsedFile, limit: float) -> None:
    """Raise `SourceError` if more than `limit` of the file's lines break a rule; see `sources.unreadable`.

    A line that a later one of its file corrects breaks none.
    """
    if len(parsed.quarantined) <= limit * parsed.lines:
        return
    tally = Tally(rows=parsed.lines)
    columns = (parsed.quarantined[name].to_pylist() for name in ("line", "raw", "reasons"))
    for line, raw, reasons in zip(*columns, strict=True):
        if reasons != [CONFLICT]:
            tally.add_row(reasons, _sample(line, raw))
    require_readable(path, tally, limit)


def _sample(line: int, raw: str) -> Sample:
    names = [LAYOUT.ratings.meaning[name] for name in CSV_COLUMNS]
    fields = next(csv.reader([raw]), []) if '"' in raw else raw.split(",")
    return Sample(line, raw, dict(zip(names, fields, strict=True)) if len(fields) == len(names) else {})
