"""`reco doctor`: what may keep the platform from working, and what to do about it."""

from typing import Annotated

import typer

from reco_assets.cli.options import JsonOption

SHOWN = ("name", "status", "said", "fix")
MARKS = {"ok": "ok", "note": "!", "problem": "✗"}


def doctor(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Do what can safely be done: folders that lack, files from the backup.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Look at versions, Java, JARs, ports, disk, rights, locks and records; exits with 1 where there is a problem."""
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, say
    from reco_assets.monitoring.doctor import examine
    from resources.errors import RecoError
    from resources.settings import load_settings

    settings = load_settings()
    for found in examine(settings) if repair else ():
        if found.repair:
            try:
                typer.echo(f"repaired: {found.repair()}", err=True)
            except (OSError, RecoError) as error:
                typer.echo(f"not repaired: {found.name}: {error}", err=True)
    findings = list(examine(settings))
    if json:
        say({"findings": [{name: getattr(each, name) for name in SHOWN} for each in findings]})
    else:
        shown = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        shown.add_column(no_wrap=True)
        shown.add_column(no_wrap=True)
        shown.add_column(overflow="fold")
        for each in findings:
            add_row(shown, MARKS[each.status], each.name, f"{each.said}: {each.fix}" if each.fix else each.said)
        console().print(shown)
    if any(each.status == "problem" for each in findings):
        raise typer.Exit(1)
