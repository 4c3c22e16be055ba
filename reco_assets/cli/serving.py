"""`reco recommend`, `reco similar` and `reco serve`: what the champion says, with titles."""

from typing import TYPE_CHECKING, Annotated

import typer

from reco_assets.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from reco_assets.gold.answers import Answer, Reason
    from resources.settings import Settings
    from resources.tables.lakehouse import Lakehouse


def recommend(
    user: Annotated[str, typer.Option(help="The user's id, as the source has it.")],
    why: Annotated[
        bool, typer.Option("--why", help="Show in place of genres which of the user's own movies speak for each.")
    ] = False,
    *,
    json: JsonOption = False,
) -> None:
    """Show a user's recommendations: titles, genres, scores. A user nobody knows gets the popular movies."""
    from resources.settings import load_settings

    print_recommendations(load_settings(), user, why, json=json)


def similar(
    movie: Annotated[str, typer.Option(help="The movie's id, as the source has it.")], *, json: JsonOption = False
) -> None:
    """Show the movies most like one: titles, genres, how alike (cosine)."""
    from reco_assets.gold.answers import similar as like
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    lakehouse = Lakehouse.open(load_settings())
    found = like(lakehouse, _id_of(lakehouse, "movie_id", movie))
    if found is None:
        raise typer.BadParameter(f"movie {movie} has no ratings in the champion's training data, so none is like it")
    if json:
        _say(lakehouse, found, None)
    else:
        _print(lakehouse, found)


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 for all of this machine's.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 for a free one.")] = 8000,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that answer.", show_default="one a core")
    ] = None,
) -> None:
    """Answer over HTTP what the champion says, until Ctrl-C; /openapi.json has the routes.

    It follows what is promoted, and needs no restart.
    """
    from reco_assets.serving.server import Address
    from reco_assets.serving.server import serve as answer
    from resources.cores import usable_cores

    def tell(url: str) -> None:
        typer.echo(f"Serving on {url}; its routes are in {url}/openapi.json. Ctrl-C ends it.")

    answer(Address(host, port), workers or usable_cores(), tell)


def print_recommendations(settings: "Settings", user: str | None, why: bool = False, *, json: bool = False) -> None:
    """Print one user's recommendations; for None, those of the first user of the table. `why` shows reasons as well."""
    from reco_assets.gold.answers import reasons, recommended, without_ratings
    from resources.tables.lakehouse import Lakehouse

    lakehouse = Lakehouse.open(settings)
    number = None if user is None else _id_of(lakehouse, "user_id", user)
    if found := recommended(lakehouse, number, user):
        because = reasons(lakehouse, found, number) if why and number is not None else None
        if json:
            _say(lakehouse, found, because)
        else:
            _print(lakehouse, found, because, without_ratings(lakehouse, found))


def _id_of(lakehouse: "Lakehouse", name: str, said: str) -> int:
    from reco_assets.sources.kept_ids import id_of

    found = id_of(lakehouse, name, said)
    if found is None:
        raise typer.BadParameter(f"{said!r} is no whole number from 0 to 2147483647, as ids are in this lakehouse")
    return found


def _say(lakehouse: "Lakehouse", answer: "Answer", because: "Mapping[int, Sequence[Reason]] | None") -> None:
    from dataclasses import asdict

    from reco_assets.cli.summary import say
    from reco_assets.sources.kept_ids import texts_of

    texts = texts_of(lakehouse, "movie_id", [entry.movie_id for entry in answer.entries])
    entries = []
    for entry in answer.entries:
        reasons = {} if because is None else {"because": list(map(asdict, because.get(entry.movie_id, ())))}
        entries.append(asdict(entry) | {"movie": texts.get(entry.movie_id, str(entry.movie_id))} | reasons)
    say({"title": answer.title, "model_version": answer.version, "fresh": answer.fresh, "movies": entries})


def _print(
    lakehouse: "Lakehouse",
    answer: "Answer",
    because: "Mapping[int, Sequence[Reason]] | None" = None,
    new: "Collection[int]" = (),
) -> None:
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console
    from reco_assets.sources.kept_ids import texts_of
    from resources.text.plain_text import printable

    told = "genres" if because is None else "because of"  # both don't fit a terminal
    shown = Table("#", "movie", "title", told, "score", title=printable(answer.title), title_justify="left")
    texts = texts_of(lakehouse, "movie_id", [entry.movie_id for entry in answer.entries])
    for entry in answer.entries:
        words = entry.genres if because is None else _told(because.get(entry.movie_id, ()))
        if entry.movie_id in new:
            words = f"{entry.genres} (new)" if because is None else "new: by its genres, year and tags"
        movie = texts.get(entry.movie_id, str(entry.movie_id))
        add_row(shown, str(entry.rank), movie, entry.title, words, f"{entry.score:.3f}")
    console().print(shown)


def _told(reasons: "Sequence[Reason]") -> str:
    """Each movie with its share of the score; the user's own say nothing of what is listed as popular."""
    return "; ".join(f"{reason.title} {reason.share:.0%}" for reason in reasons) or "popular"
