"""The first rows of gold's tables as a person reads them in Dagit: titles in place of ids, the first of each list."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from reco_assets.gold.titles import titles_of
from reco_assets.sources.kept_ids import texts_of
from reco_assets.tables import (
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    RECOMMENDATIONS_WHY,
    SILVER_MOVIES,
    SIMILAR_MOVIES,
    TRENDING,
)
from resources.io_managers import Preview
from resources.tables.lakehouse import Lakehouse

PLACES = ("first", "second", "third")
Row = Mapping[str, Any]


def of_users(lakehouse: Lakehouse, rows: pa.Table) -> pa.Table:
    """Each user's first movies, how long the list is, and what it is made by."""
    found = rows.to_pylist()
    titles, users = _titles(lakehouse, _listed(found, "recommendations")), _users(lakehouse, found)
    return pa.Table.from_pylist(
        [
            {
                "user": users[row["user_id"]],
                **_places([titles[entry["movie_id"]] for entry in row["recommendations"][: len(PLACES)]]),
                "movies in the list": len(row["recommendations"]),
                **({"made of": row["basis"].replace("_", " ")} if "basis" in row else {}),
                "model": row["model_version"],
            }
            for row in found
        ]
    )


def of_reasons(lakehouse: Lakehouse, rows: pa.Table) -> pa.Table:
    """What of the user's own speaks most for a movie of the list, and how much of its score that adds."""
    found = rows.to_pylist()
    titles = _titles(lakehouse, [*(row["movie_id"] for row in found), *_listed(found, "because")])
    users = _users(lakehouse, found)
    return pa.Table.from_pylist(
        [
            {
                "user": users[row["user_id"]],
                "movie": titles[row["movie_id"]],
                **_places(
                    [f"{titles[each['movie_id']]}: {each['share']:.0%}" for each in row["because"][: len(PLACES)]]
                ),
            }
            for row in found
        ]
    )


def of_movies(lakehouse: Lakehouse, rows: pa.Table) -> pa.Table:
    """The nearest movies of each."""
    found = rows.to_pylist()
    titles = _titles(lakehouse, [*(row["movie_id"] for row in found), *_listed(found, "similar")])
    return pa.Table.from_pylist(
        [
            {
                "movie": titles[row["movie_id"]],
                **_places([titles[entry["movie_id"]] for entry in row["similar"][: len(PLACES)]]),
            }
            for row in found
        ]
    )


def of_trending(lakehouse: Lakehouse, rows: pa.Table) -> pa.Table:
    """What people turn to now."""
    found = rows.to_pylist()
    titles = _titles(lakehouse, [row["movie_id"] for row in found])
    return pa.Table.from_pylist(
        [
            {"rank": row["rank"], "movie": titles[row["movie_id"]], "score": row["score"], "events": row["events"]}
            for row in found
        ]
    )


PREVIEWS: Mapping[str, Preview] = {
    RECOMMENDATIONS_ALS.name: of_users,
    RECOMMENDATIONS_FRESH.name: of_users,
    RECOMMENDATIONS_WHY.name: of_reasons,
    SIMILAR_MOVIES.name: of_movies,
    TRENDING.name: of_trending,
}


def _listed(rows: Sequence[Row], column: str) -> list[int]:
    return [entry["movie_id"] for row in rows for entry in row[column][: len(PLACES)]]


def _titles(lakehouse: Lakehouse, movies: list[int]) -> dict[int, str]:
    if not lakehouse.exists(SILVER_MOVIES.name):  # a preview is no reason to fail
        return {movie: f"movie {movie}" for movie in movies}
    return {movie: title for movie, (title, _) in titles_of(lakehouse, movies).items()}


def _users(lakehouse: Lakehouse, rows: Sequence[Row]) -> dict[int, str]:
    """Each user as the source has it."""
    ids = [row["user_id"] for row in rows]
    texts = texts_of(lakehouse, "user_id", ids)
    return {user: texts.get(user, str(user)) for user in ids}


def _places(entries: Sequence[str]) -> dict[str, str]:
    """The entries by their place; a list that ends early has empty ones."""
    return dict(zip_longest(PLACES, entries, fillvalue=""))
