"""`reco user`: what is done for one user, or some."""

from typing import TYPE_CHECKING, Annotated

import typer

from reco_assets.cli.options import DryRunOption, JsonOption, YesOption, confirm

if TYPE_CHECKING:
    from reco_assets.forgetting.certificate import Certificate

app = typer.Typer(help="Users: forget those who ask for it.", no_args_is_help=True)


@app.callback()
def _users() -> None:
    """Keep the verb a verb, where it is the only one."""


@app.command()
def forget(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Users, as the source has them.")],
    *,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Remove users from tables and their old versions, files, models, reports and runs, and keep them out for good.

    A certificate says what was removed, what the platform can't reach, and that nothing was found afterwards. Exits
    with 1 where something was, or a place can't be read.
    """
    from reco_assets.forgetting.forget import forget as forget_users
    from reco_assets.forgetting.forget import look_for
    from resources.settings import load_settings

    settings = load_settings()
    if dry_run:
        _say(look_for(settings, ids), json)
        return
    confirm(f"Forget {len(ids)} user{'s' * (len(ids) > 1)} everywhere?", yes=yes)
    certificate, path = forget_users(settings, ids)
    _say(certificate, json)
    typer.echo(f"Certificate: {path}", err=True)
    if not certificate.passed:
        raise typer.Exit(1)


def _say(certificate: "Certificate", as_json: bool) -> None:
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, say

    if as_json:
        say(certificate.document())
        return
    shown = Table("where", "places", "found")
    for holder, total in certificate.totals.items():
        add_row(shown, holder, f"{total['places']:,}", f"{total['found']:,}")
    console().print(shown if certificate.totals else "Nothing of them was found.")
    for each in certificate.not_reached:
        typer.echo(f"Not reached: {each.what} ({each.where}). {each.do}")
    if certificate.models:
        typer.echo(f"{len(certificate.models)} model folders knew them. Train without them: reco train")
    for found in certificate.left:
        typer.echo(f"Still there: {found.found:,} {found.unit} in {found.place}", err=True)
    for unread in certificate.unread:
        fix = "Bring it back from a backup or remove it, and run this again."
        typer.echo(f"Can't be read: {unread.place} ({unread.why}). {fix}", err=True)
