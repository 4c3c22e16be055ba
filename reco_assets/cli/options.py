"""Options that several commands take, and what is said of arguments that do not fit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer


def local_path(text: str) -> Path:
    """An argument as a path. Raises `typer.BadParameter` for a URL, which would become a folder of that name."""
    from resources.settings.group import without_scheme

    try:
        return Path(without_scheme(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} must be {error}.") from None


PathOption = Annotated[Path | None, typer.Option(parser=local_path, metavar="PATH", show_default="the platform's own")]
ReplaceOption = Annotated[
    bool,
    typer.Option("--replace-source", help="Replace what the lakehouse was loaded from, if that was another source."),
]


def replacing(replace: bool) -> Mapping[str, Mapping[str, Any]]:
    """The run configuration of the step that loads raw data."""
    return {"bronze": {"replace_source": True}} if replace else {}


def asked_for(**options: Any) -> dict[str, Any]:
    """The settings that options were given for."""
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def usage_told() -> Iterator[None]:
    """Say of arguments that do not go together what is said of one that is wrong: with the usage, and exit code 2."""
    from reco_assets.given_files.own_paths import ArgumentsError

    try:
        yield
    except ArgumentsError as error:
        raise typer.BadParameter(str(error)) from None
