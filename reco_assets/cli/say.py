"""How a command says what it came to: for a person on standard output, for an Airflow task in a file."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from resources.settings import Settings


def say(document: Mapping[str, Any]) -> None:
    """Print a document, indented."""
    typer.echo(json.dumps(document, indent=2, default=str))


def say_and_hand_over(settings: "Settings", document: Mapping[str, Any]) -> None:
    """Print what was done to given files, and leave it where the Airflow task looks for its result."""
    from reco_assets.runner.results import hand_over

    say(document)
    hand_over(settings, document)
