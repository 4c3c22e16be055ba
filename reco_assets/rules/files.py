"""Rules from a CSV file, all or none."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from reco_assets.rules.catalogue import Catalogue
from reco_assets.rules.rule import FIELDS, Draft, RuleError, draft_of

NEEDED = frozenset({"action", "subject", "value", "reason"})


def drafts_in(path: Path, catalogue: Catalogue, today: date) -> list[Draft]:
    """The rules that a file holds. Raises `RuleError` with file, line and what is wrong with it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_drafts(str(path), file, catalogue, today))
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def require_known(draft: Draft, catalogue: Catalogue) -> Draft:
    """The draft. Raises `RuleError` where it names a movie or a genre that silver/movies, if it is there, has not."""
    if draft.subject == "year" or not len(catalogue.movie_id) or catalogue.named_by(draft).any():
        return draft
    there = f"; there are {', '.join(sorted(catalogue.names))}" if draft.subject == "genre" else ""
    raise RuleError(f"value: silver/movies has no {draft.subject} {draft.value!r}{there}")


def _drafts(name: str, lines: Iterable[str], catalogue: Catalogue, today: date) -> Iterator[Draft]:
    rows = csv.reader(lines, strict=True)
    try:
        header = [column.strip() for column in next(rows, [])]
        _require_columns(header)
        for row in rows:
            if row:
                yield require_known(draft_of(_fields(header, row), today), catalogue)
    except (csv.Error, RuleError) as error:
        line = max(rows.line_num, 1)  # of an empty file none was read
        raise RuleError(f"{name}, line {line}: {error}. Nothing was added.") from None


def _require_columns(header: Sequence[str]) -> None:
    if len(set(header)) < len(header) or not NEEDED <= set(header) <= set(FIELDS):
        raise RuleError(
            f"the columns are {', '.join(header)[:200] or 'missing'}; they must be of {', '.join(FIELDS)}, each once, "
            f"{', '.join(name for name in FIELDS if name in NEEDED)} among them"
        )


def _fields(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if len(row) != len(header):
        raise RuleError(f"it has {len(row)} fields, and the header has {len(header)}")
    return dict(zip(header, row, strict=True))
