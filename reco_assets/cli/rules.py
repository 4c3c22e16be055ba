"""`reco rules`: what editors want hidden or boosted in lists."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reco_assets.cli.options import JsonOption, local_path

if TYPE_CHECKING:
    from reco_assets.rules.rule import Rule
    from resources.tables.lakehouse import Lakehouse

app = typer.Typer(help="Rules for lists: hide or boost movies, genres, years.", no_args_is_help=True)

WHEN_KEPT = "Servers keep it at once. For new lists in gold: reco rules publish"


@app.command()
def add(
    action: Annotated[str, typer.Argument(metavar="hide|boost", help="Hide movies, or multiply their scores.")],
    *,
    movie: Annotated[str | None, typer.Option(help="A movie's id.")] = None,
    genre: Annotated[str | None, typer.Option(help="A genre, as in silver/movies.")] = None,
    year: Annotated[str | None, typer.Option(help="A release year.")] = None,
    user: Annotated[str | None, typer.Option(help="A user's id.", show_default="everyone")] = None,
    factor: Annotated[str | None, typer.Option(help="Of a boost: more than 1, at most 10.")] = None,
    from_day: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="The first day, UTC.", show_default="today")
    ] = None,
    until_day: Annotated[
        str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="The last day, UTC.", show_default="no end")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why.")],
    json: JsonOption = False,
) -> None:
    """Add a rule."""
    from reco_assets.rules.files import require_known
    from reco_assets.rules.reading import add_rules, read_catalogue
    from reco_assets.rules.rule import draft_of

    named = {name: value for name, value in (("movie", movie), ("genre", genre), ("year", year)) if value is not None}
    if len(named) != 1:
        raise typer.BadParameter("give one of --movie, --genre and --year")
    ((subject, value),) = named.items()
    given = {"user_id": user, "factor": factor, "from": from_day, "until": until_day}
    fields = {name: text for name, text in given.items() if text is not None}
    fields |= {"action": action, "subject": subject, "value": value, "reason": reason}
    lakehouse = _lakehouse()
    draft = require_known(draft_of(fields, datetime.now(UTC).date()), read_catalogue(lakehouse))
    _say_added(add_rules(lakehouse, [draft]), json=json)


@app.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            parser=local_path,
            metavar="FILE",
            help="CSV with the columns action, subject, value, reason and, where wanted, user_id, factor, from, until.",
        ),
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Add the rules of a file, all or none. Those that are there already are not added again."""
    from reco_assets.rules.files import drafts_in
    from reco_assets.rules.reading import add_rules, read_catalogue

    lakehouse = _lakehouse()
    drafts = drafts_in(file, read_catalogue(lakehouse), datetime.now(UTC).date())
    _say_added(add_rules(lakehouse, drafts), json=json)


@app.command("list")
def list_rules(
    removed: Annotated[bool, typer.Option("--removed", help="Also those that were removed.")] = False,
    *,
    json: JsonOption = False,
) -> None:
    """Show the rules, and which of them are in force today."""
    from reco_assets.cli.summary import add_row, console, lines_table
    from reco_assets.rules.reading import read_rules

    now = datetime.now(UTC)
    rules = [rule for rule in read_rules(_lakehouse()) if removed or rule.removed_ts is None]
    if json:
        _say_rules(rules)
        return
    shown = lines_table("rule", "does", "what", "for", "from", "until", "today", "reason", whole=(0, 1, 4, 5, 6))
    for rule in rules:
        add_row(shown, *_cells(rule, now))
    console().print(shown)


@app.command()
def remove(
    rules: Annotated[list[int], typer.Argument(min=1, metavar="RULE...", help="Their numbers.")],
    *,
    json: JsonOption = False,
) -> None:
    """Remove rules. They stay in the table, with the time of their removal."""
    from reco_assets.rules.reading import remove_rules

    removed = remove_rules(_lakehouse(), set(rules))
    if json:
        _say_rules(removed)
        return
    for rule in removed:
        typer.echo(f"Removed rule {rule.rule_id}: {rule.draft.in_words}.")
    typer.echo(WHEN_KEPT)


@app.command()
def publish(*, json: JsonOption = False) -> None:
    """Make the lists of gold anew, by the rules of today, with the model that serves."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import show
    from reco_assets.pipelines.selections import LISTS
    from resources.settings import load_settings

    settings = load_settings()
    show(settings, run_with_progress(settings, LISTS, "publish"), json=json)


def _lakehouse() -> "Lakehouse":
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    return Lakehouse.open(load_settings())


def _say_rules(rules: "Sequence[Rule]") -> None:
    from dataclasses import asdict

    from reco_assets.cli.summary import say

    now = datetime.now(UTC)
    say({"rules": [_flat(asdict(rule)) | {"today": rule.state(now)} for rule in rules]})


def _flat(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule.pop("draft"), **rule}


def _say_added(rules: "Sequence[Rule]", *, json: bool) -> None:
    if json:
        _say_rules(rules)
        return
    for rule in rules:
        typer.echo(f"Added rule {rule.rule_id}: {rule.draft.in_words}.")
    typer.echo(WHEN_KEPT if rules else "Nothing was added: what is asked for is there already.")


def _cells(rule: "Rule", now: datetime) -> tuple[str, ...]:
    draft = rule.draft
    does = draft.action if draft.factor is None else f"boost x {draft.factor:g}"
    whom = "everyone" if draft.user_id is None else f"user {draft.user_id}"
    days = str(draft.from_day), str(draft.until_day or "")
    return str(rule.rule_id), does, f"{draft.subject} {draft.value}", whom, *days, rule.state(now), draft.reason
