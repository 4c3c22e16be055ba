"""`reco model promote` and `reco model rollback`: another version serves."""

import gc
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from reco_assets.cli.options import DryRunOption, JsonOption, ModelOption, YesOption, confirm, named_family, said_of

if TYPE_CHECKING:
    from reco_assets.models.interface import Family
    from reco_assets.runner.champion import Change
    from resources.settings import Settings

UNDONE_BY = "reco model rollback"


def promote(
    version: Annotated[str, typer.Argument(help="A version that reco model list shows.")],
    *,
    model: ModelOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Make a version the champion, whatever its figures, and let gold follow it.

    Files of it that are missing or damaged are brought back where the backup has them.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.runner.champion import change_to
    from reco_assets.runner.champion import promote as serve
    from resources.settings import load_settings

    settings = load_settings()
    with said_of(named_family(model)) as family:
        change = change_to(settings, version, family)
        if not _agreed(change, dry_run=dry_run, yes=yes, json=json):
            return
        gc.disable()  # collecting while so much is imported takes 0.7 s of 5, and the process ends soon
        serve(settings, version, run_with_progress, _told(json), family)
        _say_served(settings, family, json=json)


def rollback(
    *, model: ModelOption = None, dry_run: DryRunOption = False, yes: YesOption = False, json: JsonOption = False
) -> None:
    """Let champion and predecessor change places, and gold follow; a second time goes back.

    Files that are missing or damaged are brought back from the backup; where the record of the champion is lost, the
    champion of the backup serves.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.runner.champion import change_to, roll_back
    from resources.settings import load_settings

    settings = load_settings()
    with said_of(named_family(model)) as family:
        if not _agreed(change_to(settings, None, family), dry_run=dry_run, yes=yes, json=json):
            return
        gc.disable()  # as in promote
        roll_back(settings, run_with_progress, _told(json), family)
        _say_served(settings, family, json=json)


def _agreed(change: "Change", *, dry_run: bool, yes: bool, json: bool) -> bool:
    """Whether to go on; of a dry run, say what would be."""
    from reco_assets.cli.summary import say

    if not dry_run:
        confirm(f"From now on: {change}. Go on?", yes=yes, undone_by=UNDONE_BY)
        return True
    if json:
        say({"champion": change.version, "previous": change.instead_of, "tables": change.tables, "changed": False})
    else:
        typer.echo(f"It would be so: {change}. Nothing was changed.")
    return False


def _told(json: bool) -> Callable[[str], None]:
    return partial(typer.echo, err=json)


def _say_served(settings: "Settings", family: "Family", *, json: bool) -> None:
    from reco_assets.cli.summary import say
    from reco_assets.models.versions.store import model_store

    if json:
        champion, previous = model_store(settings, family).served()
        say({"champion": champion, "previous": previous, "changed": True})
