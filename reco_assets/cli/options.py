"""Options that several commands take, and what is said of arguments that do not fit."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resources.errors import RecoError

if TYPE_CHECKING:
    from reco_assets.models.interface import Family


class NobodyToAskError(RecoError):
    """Something that can't be undone was asked for where nobody can confirm it."""


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


ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="FAMILY", show_default="als", help="The family of models, such as ncf.")
]


JsonOption = Annotated[bool, typer.Option("--json", help="Print the facts as one JSON document.")]
JsonAnywayOption = Annotated[bool, typer.Option("--json", help="Say it as JSON, as it does in any case.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before something is changed.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be changed, and change nothing.")]


def confirm(question: str, *, yes: bool, undone_by: str | None = None) -> None:
    """Ask on a terminal before something is changed; a no ends the command, with exit code 1.

    Where nobody can be asked, as in a script, what can be undone is done, and what can't is refused.

    Args:
        question: What is to be changed, as a question.
        yes: The person said yes already, by `YesOption`.
        undone_by: The command that undoes it; None where nothing does.

    Raises:
        NobodyToAskError: It can't be undone, nobody said yes, and standard input is no terminal.
    """
    if yes:
        return
    if sys.stdin.isatty():
        typer.confirm(question, abort=True, err=True)
    elif undone_by is None:
        raise NobodyToAskError(f"{question} It can't be undone and there is no terminal to ask on: say --yes.")


def replacing(replace: bool) -> Mapping[str, Mapping[str, Any]]:
    """The run configuration of the step that loads raw data."""
    return {"bronze": {"replace_source": True}} if replace else {}


def asked_for(**options: Any) -> dict[str, Any]:
    """The settings that options were given for."""
    return {name: value for name, value in options.items() if value is not None}


def named_family(model: str | None) -> "Family":
    """The family of that name; the one that serves, where none is named. Raises `NoSuchFamilyError`."""
    from reco_assets.models.families import SERVING_FAMILY, family_named

    return family_named(model) if model else SERVING_FAMILY


def other_family(model: str | None) -> "Family | None":
    """The family that was named, where it is not the one that serves. Raises `NoSuchFamilyError`."""
    from reco_assets.models.families import SERVING_FAMILY

    family = named_family(model)
    return None if family == SERVING_FAMILY else family


@contextmanager
def said_of(family: "Family") -> "Iterator[Family]":
    """Say of what an error advises that it is to be done for this family, where that isn't the one that serves."""
    from reco_assets.models.families import SERVING_FAMILY

    try:
        yield family
    except RecoError as error:
        if family == SERVING_FAMILY or "reco " not in str(error):
            raise
        raise type(error)(f"{error} (With --model {family.name}.)") from None


def require_no_paths(family: "Family", **given: Any) -> None:
    """Refuse the documents' paths for a family that is not trained on the tables they name."""
    if named := [name for name, value in given.items() if value is not None]:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in named)
        raise typer.BadParameter(f"{family.name} has tables of its own, so {options} says nothing to it")


@contextmanager
def usage_told() -> Iterator[None]:
    """Say of arguments that do not go together what is said of one that is wrong: with the usage, and exit code 2."""
    from reco_assets.given_files.own_paths import ArgumentsError

    try:
        yield
    except ArgumentsError as error:
        raise typer.BadParameter(str(error)) from None
