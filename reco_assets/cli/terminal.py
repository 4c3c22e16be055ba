"""What is printed for a person, exactly as it is: a title `[/b]` is no markup, and `:smile:` is no picture."""

from rich.console import Console
from rich.table import Table

from resources.plain_text import printable


def console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """A console that takes text for text. Every command prints through it."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False)


def add_row(table: Table, *cells: str) -> None:
    """Add a row whose cells can't move the cursor or end the line."""
    table.add_row(*map(printable, cells))
