"""`reco events`: events made up and sent, and a broker to send them to."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reco_assets.cli.options import asked_for, local_path

if TYPE_CHECKING:
    from resources.settings import Settings

app = typer.Typer(help="Events: simulate them, take them into the lake, run a broker.", no_args_is_help=True)

DEFAULT_DAYS = 60


@app.command()
def generate(
    *,
    users: Annotated[int | None, typer.Option(min=1, help="How many users.", show_default="SYNTHETIC_USERS")] = None,
    movies: Annotated[int | None, typer.Option(min=1, help="How many movies.", show_default="SYNTHETIC_MOVIES")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another seed, another world.", show_default="RECO_SEED")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How many days.")] = DEFAULT_DAYS,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day after the last.", show_default="today")
    ] = None,
) -> None:
    """Make up users, movies, views, clicks and ratings, and send them: to KAFKA_BOOTSTRAP_SERVERS, else to files.

    This always sends, also beside real ratings. The same arguments give the same events, which count once.
    """
    from datetime import UTC, timedelta

    from reco_assets.cli.summary import say
    from reco_assets.events.simulation.generate import generate as send
    from reco_assets.events.simulation.people import Plan

    settings = _settings(synthetic_users=users, synthetic_movies=movies, reco_seed=seed)
    shape, end = settings.synthetic, (until or datetime.now(UTC)).date()
    first = end - timedelta(days)
    say(vars(send(settings, Plan(shape.users, shape.movies, shape.seed, first), first, end)))


@app.command()
def extract() -> None:
    """Take what has come since the last time into the data lake, EVENTS_MAX_PER_RUN at most, and rank what trends."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import print_summary
    from reco_assets.events.outlets import destination
    from reco_assets.pipelines.selections import EXTRACTION

    settings = _settings()
    outcome = run_with_progress(settings, EXTRACTION, "extract")
    print_summary(settings, outcome)
    if not any("dagster/row_count" in values for values in outcome.metadata.values()):
        typer.echo(f"There are no events yet: none have come by {destination(settings)}.")


@app.command("serve-broker")
def serve_broker(
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where clients reach it, on 127.0.0.1.")] = 9092,
    folder: Annotated[
        Path | None,
        typer.Option(parser=local_path, metavar="PATH", help="Its data.", show_default="_kafka in the lakehouse"),
    ] = None,
) -> None:
    """Run a real Kafka broker of one node, for development, until Ctrl-C. Needs Java; Maven fetches its JARs once."""
    from contextlib import suppress

    from resources.kafka.broker import Broker, running
    from resources.kafka.jars import kafka_jars

    storage = _settings().storage
    place = folder.expanduser().resolve() if folder else storage.root / "_kafka"
    broker = Broker(place, kafka_jars(storage.cache), port)
    with suppress(KeyboardInterrupt), running(broker):  # Ctrl-C and SIGTERM are how it ends
        typer.echo(f"Kafka is running; its data and log are in {place}. Ctrl-C stops it. For the platform:")
        typer.echo(f"export KAFKA_BOOTSTRAP_SERVERS={broker.address}")
        broker.wait()


def _settings(**options: Any) -> "Settings":
    from resources.settings import load_settings

    return load_settings(**asked_for(**options))
