"""Text from outside (titles, file names, error messages) made harmless for where it is shown.

Slack has its own rule, beside its client; HTML pages escape by themselves.
"""

import re
from collections.abc import Sequence

MARKDOWN = re.compile(r"([\\`*\[\]<>#!|~&]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\.)")


def printable(text: str) -> str:
    """Text on one line without what steers a terminal: line ends become spaces, other control characters `?`."""
    return "".join(c if c.isprintable() else " " if c in "\t\r\n" else "?" for c in text)


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is, also in a cell of a table: no link, image, HTML, code or line end."""
    return MARKDOWN.sub(r"\\\1", printable(text))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write the lines of a Markdown table; whatever a cell holds is shown as text."""
    lines = [f"| {' | '.join(map(in_markdown, row))} |" for row in (header, *rows)]
    return [lines[0], "|---" * len(header) + "|", *lines[1:]]
