"""`reco events`: events simulated and sent, taken into the data lake, and a broker in between."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM, signal
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reco_assets.cli.options import JsonAnywayOption, asked_for, local_path

if TYPE_CHECKING:
    from resources.settings import Settings

app = typer.Typer(help="Events: simulate them, take them into the lake, run a broker.", no_args_is_help=True)

DEFAULT_DAYS = 60
MOST_USERS, MOST_MOVIES = 10_000_000, 1_000_000  # all of them are held in memory
COUNTED = ("read", "events", "duplicates", "dead_letters", "late", "lag")


@app.command()
def generate(
    *,
    users: Annotated[
        int | None, typer.Option(min=1, max=MOST_USERS, help="How many users.", show_default="SYNTHETIC_USERS")
    ] = None,
    movies: Annotated[
        int | None, typer.Option(min=1, max=MOST_MOVIES, help="How many movies.", show_default="SYNTHETIC_MOVIES")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another seed, another world.", show_default="RECO_SEED")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How many days.")] = DEFAULT_DAYS,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day after the last.", show_default="today")
    ] = None,
    _json: JsonAnywayOption = False,
) -> None:
    """Make up users, movies, views, clicks and ratings, and send them: to KAFKA_BOOTSTRAP_SERVERS, else to files.

    This always sends, also beside real ratings. The same arguments give the same events, which count once.
    """
    from rich.progress import track

    from reco_assets.cli.summary import console, say
    from reco_assets.events.simulation.generate import generate as send
    from reco_assets.events.simulation.people import Plan

    settings = _settings(synthetic_users=users, synthetic_movies=movies, reco_seed=seed)
    shape, today = settings.synthetic, datetime.now(UTC).date()
    end = until.date() if until else today
    if not date(1970, 1, 1) + timedelta(days) <= end <= today:
        raise typer.BadParameter(
            f"--until {end} with --days {days}: events from before 1970 or of the future are refused; give a day from "
            f"{date(1970, 1, 1) + timedelta(days)} to {today}"
        )
    first = end - timedelta(days)
    shown = console(stderr=True)
    watched = partial(track, description="days", console=shown, disable=not shown.is_terminal)
    say(vars(send(settings, Plan(shape.users, shape.movies, shape.seed), first, end, watched=watched)))


@app.command()
def extract(_json: JsonAnywayOption = False) -> None:
    """Take what has come since the last time into the data lake, EVENTS_MAX_PER_RUN at most, and rank what trends."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.pipelines.selections import EXTRACTION

    outcome = run_with_progress(_settings(), EXTRACTION, "extract")
    found = outcome.scalars[EXTRACTION[0]]
    say({name: found.get(name, 0) for name in (*COUNTED, "lost")})
    for check in outcome.checks:
        if not check.passed:
            typer.echo(f"{check.asset}: {check.text}", err=True)


@app.command()
def stream(_json: JsonAnywayOption = False) -> None:
    """Take events into the data lake as they come, until Ctrl-C or SIGTERM; then say how many that were."""
    from reco_assets.cli.summary import say
    from reco_assets.events.extraction.assets import report
    from reco_assets.events.extraction.loop import stream as take_in
    from resources.tables.lakehouse import Lakehouse

    lakehouse = Lakehouse.open(_settings())
    typer.echo(f"Taking events into {lakehouse.lake} as they come. Ctrl-C ends it.", err=True)
    with _set_by_signals() as ended:
        done = take_in(lakehouse, ended, partial(typer.echo, err=True), partial(report, lakehouse))
    say({name: getattr(done, name).total() for name in COUNTED} | {"lost": sum(gap.lost for gap in done.gaps)})


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
    from resources.kafka.broker import Broker, running
    from resources.kafka.jars import kafka_jars

    storage = _settings().storage
    place = folder.expanduser().resolve() if folder else storage.root / "_kafka"
    broker = Broker(place, kafka_jars(storage.cache), port)
    with suppress(KeyboardInterrupt), running(broker):  # Ctrl-C and SIGTERM are how it ends
        typer.echo(f"Kafka is running; its data and log are in {place}. Ctrl-C stops it. For the platform:")
        typer.echo(f"export KAFKA_BOOTSTRAP_SERVERS={broker.address}")
        broker.wait()


@contextmanager
def _set_by_signals() -> Iterator[Event]:
    """Set by Ctrl-C or SIGTERM, which so end a loop and not what it is in the middle of."""
    ended = Event()
    before = {number: signal(number, lambda *_: ended.set()) for number in (SIGINT, SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal(number, handler)


def _settings(**options: Any) -> "Settings":
    from resources.settings import load_settings

    return load_settings(**asked_for(**options))
