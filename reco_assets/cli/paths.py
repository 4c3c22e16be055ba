"""Paths on the command line, checked as those in the settings are."""

from pathlib import Path

import typer


def local_path(text: str) -> Path:
    """An argument as a path. Raises `typer.BadParameter` for a URL, which would become a folder of that name."""
    from resources.settings.group import without_scheme

    try:
        return Path(without_scheme(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} must be {error}.") from None
