"""Whether quotes stand around whole fields: a parser takes what follows one that doesn't close for the same field."""

import re
from functools import cache
from pathlib import Path

from reco_assets.sources.source import SourceError
from reco_assets.sources.typed import BOM


def check_quotes(path: Path, first_line: int, block: bytes, separator: bytes = b",") -> None:
    """Raise `SourceError` when a quote in the block does not stand around a whole field, naming its line."""
    well_quoted = _well_quoted(separator)
    text = block.removeprefix(BOM) if first_line == 1 else block
    for number, line in enumerate(text.split(b"\n"), start=first_line):
        if b'"' in line and not well_quoted.fullmatch(line.removesuffix(b"\r")):
            rule = "a quote that does not close, or stands inside an unquoted field"
            raise SourceError(path, number, rule, 'Quote the whole field and write "" for a quote inside.')


@cache
def _well_quoted(separator: bytes) -> re.Pattern[bytes]:
    field = rb'(?:"[^"]*(?:""[^"]*)*"|[^"' + re.escape(separator) + rb"]*)"
    return re.compile(field + rb"(?:" + re.escape(separator) + field + rb")*")
