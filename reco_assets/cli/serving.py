"""`reco recommend` and `reco similar`: what the champion says, with titles."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from resources.plain_text import printable

if TYPE_CHECKING:
    from resources.settings import Settings


def recommend(user: Annotated[int, typer.Option(help="The user's id.")]) -> None:
    """Show a user's recommendations: titles, genres, scores. A user nobody knows gets the popular movies."""
    from resources.settings import load_settings

    print_recommendations(load_settings(), user)


def similar(movie: Annotated[int, typer.Option(help="The movie's id.")]) -> None:
    """Show the movies most like one: titles, genres, how alike (cosine)."""
    from resources.settings import load_settings

    settings = load_settings()
    rows = _rows(settings, "gold/similar_movies", "movie_id", movie)
    if not rows:
        raise typer.BadParameter(f"movie {movie} has no ratings in the champion's training data, so none is like it")
    _print(settings, f"Like {_titles(settings, [movie])[movie][0]}", rows[0]["similar"])


def print_recommendations(settings: "Settings", user: int | None) -> None:
    """Print one user's recommendations; for None, those of the first user of the table."""
    rows = _rows(settings, "gold/recommendations_als", "user_id", user)
    if rows:
        _print(settings, f"For user {rows[0]['user_id']}, model {rows[0]['model_version']}", rows[0]["recommendations"])
    elif user is not None:
        _print(settings, f"User {user} has no ratings yet; the popular movies", _popular(settings, user))


def _rows(settings: "Settings", table: str, key: str, value: int | None) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    data = _dataset(settings, table)
    found = data.head(1) if value is None else data.to_table(filter=pc.field(key) == value)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _popular(settings: "Settings", user: int) -> list[dict[str, Any]]:
    from datetime import UTC, datetime

    import numpy as np

    from reco_assets.gold.assets import load_champion
    from reco_assets.gold.recommendations import list_rows

    version, champion = load_champion(_lakehouse(settings))
    lists = champion.recommend(np.array([user], np.int32), settings.serving.top_n)
    rows = list_rows(lists, "user_id", "recommendations", version, datetime.now(UTC)).to_pylist()
    found: list[dict[str, Any]] = rows[0]["recommendations"]
    return found


def _titles(settings: "Settings", movies: list[int]) -> dict[int, tuple[str, str]]:
    import pyarrow.compute as pc

    rows = _dataset(settings, "silver/movies").to_table(filter=pc.field("movie_id").isin(movies)).to_pylist()
    named = {row["movie_id"]: (row["title"], ", ".join(row["genres"])) for row in rows}
    return {movie: named.get(movie, (f"movie {movie}", "")) for movie in movies}


def _print(settings: "Settings", title: str, entries: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from reco_assets.cli.terminal import add_row, console

    shown = Table("#", "movie", "title", "genres", "score", title=printable(title), title_justify="left")
    titles = _titles(settings, [entry["movie_id"] for entry in entries])
    for entry in entries:
        name, genres = titles[entry["movie_id"]]
        add_row(shown, str(entry["rank"]), str(entry["movie_id"]), name, genres, f"{entry['score']:.3f}")
    console().print(shown)


def _dataset(settings: "Settings", table: str) -> Any:
    return _lakehouse(settings).dataset(table)


def _lakehouse(settings: "Settings") -> Any:
    from resources.engine import Engine
    from resources.tables.lakehouse import Lakehouse

    return Lakehouse(settings, Engine(settings))
