"""`--replace-source`, of every command that loads raw data."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

ReplaceOption = Annotated[
    bool,
    typer.Option("--replace-source", help="Replace what the lakehouse was loaded from, if that was another source."),
]


def replacing(replace: bool) -> Mapping[str, Mapping[str, Any]]:
    """The run configuration of the step that loads raw data."""
    return {"bronze": {"replace_source": True}} if replace else {}
