"""`reco alerts`: whether who should hear of things does."""

import typer

from reco_assets.cli.options import JsonOption

app = typer.Typer(help="Alerts: try the channels they go to.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group, though it has but one verb."""


@app.command("test")
def try_all(*, json: JsonOption = False) -> None:
    """Send a test message to each channel that is set, and say which took it; exits with 1 where one did not."""
    from reco_assets.cli.summary import say
    from reco_assets.monitoring.trying import try_channels
    from resources.settings import load_settings

    tried = try_channels(load_settings())
    if json:
        say({"channels": [{"name": each.name, "taken": each.taken, "why": each.why} for each in tried]})
    for each in () if json else tried:
        typer.echo(f"{each.name}: {'took it' if each.taken else f'did not take it: {each.why}'}")
    if not tried:
        typer.echo("No channel is set: SLACK_BOT_TOKEN and SLACK_CHANNEL, ALERT_URLS, or SMTP_HOST.", err=True)
    if not all(each.taken for each in tried) or not tried:
        raise typer.Exit(1)
