"""`reco stream`: new ratings in, drift out, waiting batches merged; the documents' verbs and arguments.

Without paths, or with the platform's own (see reco_assets/workspace.py), a command works on the platform's tables
through the asset graph. With other paths it reads and writes those files as given, by the same code.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reco_assets.cli.options import (
    DryRunOption,
    JsonAnywayOption,
    JsonOption,
    NobodyToAskError,
    YesOption,
    asked_for,
    confirm,
    local_path,
    usage_told,
)

if TYPE_CHECKING:
    from resources.settings import Settings

app = typer.Typer(
    help="New ratings: take them in, score their drift, merge them, or simulate them.", no_args_is_help=True
)

Partitions = Annotated[
    int | None,
    typer.Option(
        "--shuffle_partitions", min=1, help="Partitions of a shuffle on Spark.", show_default="twice the cores"
    ),
]


def _path(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", help=text, parser=local_path, metavar="PATH", show_default="the platform's own")


class Population(StrEnum):
    """Where simulated ratings are drawn from."""

    FUTURE = "future"
    HISTORY = "history"


@app.command()
def process(
    csv_path: Annotated[Path | None, _path("csv_path", "One CSV file; none: every file that waits.")] = None,
    output_path: Annotated[Path | None, _path("output_path", "A folder for train/, test/ and quarantine/.")] = None,
    train_ratio: Annotated[float | None, typer.Option("--train_ratio", help="Share of new pairs to train on.")] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Also delete a file that lies elsewhere than in the streaming folder.")
    ] = False,
    shuffle_partitions: Partitions = None,
    _json: JsonAnywayOption = False,
) -> None:
    """Take in `DATE,CUST_ID,MOVIE_ID,RATING` files: validated, staged, archived, then deleted.

    A file that lies elsewhere than in the streaming folder is copied, and stays as it is unless you say --move.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.given_files.stream import process as take_in

    settings = _settings(shuffle_partitions, stream_train_ratio=train_ratio)
    with usage_told():
        done = take_in(settings, csv_path, output_path, run_with_progress, move=move)
    for line in done.not_taken:
        typer.echo(f"Not taken: {line}", err=True)
    say(done.counts)


@app.command()
def replay(
    batch: Annotated[str, typer.Argument(help="A batch: its sha256, the beginning of it, or its file's name.")],
    _json: JsonAnywayOption = False,
) -> None:
    """Take a batch in again under today's rules: quarantined rows that are good now wait as a batch of their own.

    Doing it again changes nothing.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.pipelines.selections import INTAKE

    if not batch.strip():
        raise typer.BadParameter("name a batch: its sha256, the beginning of it, or its file's name")
    outcome = run_with_progress(_settings(), INTAKE, "replay", {"process_streaming_data": {"replay": batch}})
    say(outcome.metadata["stream/ratings"]["replay"])


@app.command("list")
def list_batches(
    newest: Annotated[int, typer.Option(min=1, help="How many of the newest batches.")] = 20,
    *,
    json: JsonOption = False,
) -> None:
    """Show the batches that were taken in, with their files, ratings, and whether they wait, count or are withdrawn."""
    from rich.table import Table

    from reco_assets.batches.finding import listed
    from reco_assets.cli.summary import add_row, console, say

    settings = _settings()
    found = listed(settings.storage.root, newest=newest)
    if json:
        say({"batches": [each.document() for each in found]})
        return
    shown = Table("batch", "file", "taken in", "ratings", "quarantined", "state")
    for each in found:
        state = f"{each.state}: {each.why}" if each.why else each.state
        counts = (f"{count:,}" for count in (each.receipt.good, each.receipt.quarantined))
        add_row(shown, each.name, each.receipt.source, each.taken_ts, *counts, state)
    console().print(shown)


@app.command()
def withdraw(
    batch: Annotated[str, typer.Argument(help="A batch: its sha256, the beginning of it, or its file's name.")],
    reason: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let a withdrawn batch count again, in its old place.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Let a batch's ratings count no more: training and test are rebuilt as if it had never come.

    Nothing is deleted. Says which versions were trained on it, and what to do where one of them serves. Doing it
    again changes nothing.
    """
    from reco_assets.cli.progress import check_with_progress, run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.runner.withdrawal import carry_out, plan_withdrawal

    if not batch.strip():
        raise typer.BadParameter("name a batch: its sha256, the beginning of it, or its file's name")
    settings = _settings()
    plan = plan_withdrawal(settings, batch, "reinstate" if undo else "withdraw")
    if not json:
        typer.echo("\n".join(plan.lines()))
    if dry_run:
        if json:
            say(plan.document())
        return
    _confirm(f"{'Let it count again' if undo else 'Withdraw it'}, and rebuild training and test?", yes=yes)
    done = carry_out(settings, plan, reason, run_with_progress, check_with_progress)
    if json:
        say(plan.document() | done)
        return
    rows = ", ".join(f"{name}: {count:,} rows" for name, count in done.items() if name.startswith("silver/"))
    typer.echo(f"{'It counts again' if undo else 'Withdrawn'}. {rows or 'Training never held it.'}")
    if done["next"]:
        typer.echo(done["next"])
    if not undo:
        typer.echo(f"To undo it: reco stream withdraw {plan.batch[:12]} --undo")


@app.command("detect_drift")
def detect_drift(
    *,
    model_path: Annotated[Path | None, _path("model_path", "A model folder.")] = None,
    original_train_path: Annotated[Path | None, _path("original_train_path", "What the model was trained on.")] = None,
    current_train_path: Annotated[Path | None, _path("current_train_path", "New ratings, training side.")] = None,
    original_test_path: Annotated[Path | None, _path("original_test_path", "What the model was judged on.")] = None,
    current_test_path: Annotated[Path | None, _path("current_test_path", "New ratings, test side.")] = None,
    shuffle_partitions: Partitions = None,
    _json: JsonAnywayOption = False,
) -> None:
    """Score data and prediction drift of the waiting batches, or of given tables, and print the report."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.given_files.drift import DriftPaths
    from reco_assets.given_files.drift import detect_drift as report_on

    paths = DriftPaths(model_path, original_train_path, current_train_path, original_test_path, current_test_path)
    say(report_on(_settings(shuffle_partitions), paths, run_with_progress))


@app.command()
def merge(
    streaming_path: Annotated[Path | None, _path("streaming_path", "A folder with train/ and test/.")] = None,
    processed_path: Annotated[Path | None, _path("processed_path", "The folder whose train/ and test/ grow.")] = None,
    shuffle_partitions: Partitions = None,
    _json: JsonAnywayOption = False,
) -> None:
    """Merge the waiting batches, or given tables, into train and test; doing it again changes nothing."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.given_files.stream import merge as merge_ratings

    with usage_told():
        say(merge_ratings(_settings(shuffle_partitions), streaming_path, processed_path, run_with_progress))


@app.command()
def simulate(
    *,
    users: Annotated[int, typer.Option(min=1, help="How many whole users, at most.")] = 50,
    rows: Annotated[int | None, typer.Option(min=1, help="Stop adding users at so many ratings.")] = None,
    tilt: Annotated[float, typer.Option(min=-3.0, max=3.0, help="Shift of the mean, in stars.")] = 0.0,
    population: Annotated[Population, typer.Option("--from", help="Whose ratings.")] = Population.FUTURE,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another seed, other users.", show_default="RECO_SEED")
    ] = None,
    name: Annotated[str, typer.Option(help="The file's name.")] = "current.csv",
    _json: JsonAnywayOption = False,
) -> None:
    """Put a CSV file with the ratings of whole users into the streaming folder, tilted as you choose."""
    from reco_assets.cli.summary import say
    from reco_assets.streaming.simulate import Simulation
    from reco_assets.streaming.simulated_file import simulate as put_file

    settings = _settings()
    plan = Simulation(population.value, users, rows, tilt, settings.synthetic.seed if seed is None else seed)
    say(put_file(settings, plan, name))


def _confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; where there is none, refuse, although it could be undone: models may be trained meanwhile."""
    if not yes and not sys.stdin.isatty():
        raise NobodyToAskError(f"{question} There is no terminal to ask on: say --yes.")
    confirm(question, yes=yes)


def _settings(shuffle_partitions: int | None = None, **options: Any) -> "Settings":
    from resources.settings import load_settings

    return load_settings(**asked_for(spark_shuffle_partitions=shuffle_partitions, **options))
