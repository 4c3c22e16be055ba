"""What the champion says to one person: the lists of gold, with titles and genres."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reco_assets.gold.came import ratings_of_who_came, reasons_for_who_came
from reco_assets.gold.recommendations import list_rows
from reco_assets.gold.titles import titles_of
from reco_assets.models.serving import champion_version, serving_store
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.rules.editing import Policy, editing_of
from reco_assets.rules.lists import recommend
from reco_assets.rules.reading import policy_now
from reco_assets.sources.kept_ids import texts_of
from reco_assets.tables import (
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    RECOMMENDATIONS_WHY,
    SIMILAR_MOVIES,
)
from reco_assets.vocabulary import CHALLENGER
from resources.errors import RecoError
from resources.tables.first_rows import first_rows
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class Entry:
    """A movie of a list, with its rank from 1 and its score."""

    rank: int
    movie_id: int
    title: str
    genres: str
    score: float


@dataclass(frozen=True)
class Answer:
    """A list of movies, what it is, and the version in gold that made it; None where it isn't a user's list of gold.

    `fresh`: it is made of ratings that wait for a training.
    """

    title: str
    entries: Sequence[Entry]
    version: str | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Reason:
    """A movie of the user's own that speaks for another, and the share of its score that it adds."""

    title: str
    share: float


class NoReasonsError(RecoError):
    """A list has no reasons in gold, since they were made for the lists of another version."""


def recommended(lakehouse: Lakehouse, user: int | None, said: str | None = None) -> Answer | None:
    """A user's list, the popular movies for one whom nobody knows; for None, that of the first user of the table.

    What a rule hides by now is left out of it; `said` is the user's id as the source has it. None where the table has
    no user at all. Raises `LakehouseError`, `ModelStoreError`.
    """
    policy, rows = policy_now(lakehouse), _rows(lakehouse, RECOMMENDATIONS_ALS.name, "user_id", user)
    fresh = _fresh(lakehouse, user, rows) if user is not None else []
    for row in (fresh or rows)[:1]:
        user, version = int(row["user_id"]), row["model_version"]
        name = said or texts_of(lakehouse, "user_id", [user]).get(user, str(user))
        shown = _shown(row["recommendations"], policy, user)
        hidden = len(row["recommendations"]) - len(shown)
        title = f"For user {name}, model {version}" + (", the challenger" if row.get("variant") == CHALLENGER else "")
        title += ", with ratings that wait for a training" if fresh else ""
        title += f"; {hidden} hidden since it was made" if hidden else ""
        return Answer(title, _entries(lakehouse, shown), version, fresh=bool(fresh))
    if user is None:
        return None
    return Answer(
        f"User {said or user} has no ratings yet; the popular movies",
        _entries(lakehouse, _popular(lakehouse, policy, user)),
    )


def reasons(lakehouse: Lakehouse, answer: Answer, user: int) -> dict[int, list[Reason]]:
    """What speaks for each movie of a user's list, by the movie: the strongest reason first.

    None speaks for a list of no version. Raises `NoReasonsError`, `LakehouseError`, `ModelStoreError`.
    """
    if answer.version is None:
        return {}
    rows = (
        reasons_for_who_came(lakehouse, user)
        if answer.fresh
        else _rows(lakehouse, RECOMMENDATIONS_WHY.name, "user_id", user)
    )
    if {row["model_version"] for row in rows} - {answer.version}:
        raise NoReasonsError(
            f"{RECOMMENDATIONS_WHY.name} has the reasons of {rows[0]['model_version']}, and the list is of "
            f"{answer.version}. Make it anew: dg launch --assets '{RECOMMENDATIONS_WHY.name}'"
        )
    told = {row["movie_id"]: row["because"] for row in rows}
    titles = titles_of(lakehouse, [each["movie_id"] for because in told.values() for each in because])
    return {
        movie: [Reason(titles[each["movie_id"]][0], each["share"]) for each in because]
        for movie, because in told.items()
    }


def without_ratings(lakehouse: Lakehouse, answer: Answer) -> set[int]:
    """The movies of a version's list that had no ratings when it was trained. None are told of a version that is gone.

    Raises `LakehouseError`.
    """
    with suppress(ModelStoreError):
        store, nobody = serving_store(lakehouse.settings), np.zeros(0, np.int32)
        if answer.version and store.record(answer.version).new_movies:
            new = store.load_users(answer.version, nobody).new_movies
            return {entry.movie_id for entry in answer.entries} & set(new.movie_ids.tolist() if new else ())
    return set()


def similar(lakehouse: Lakehouse, movie: int) -> Answer | None:
    """The movies most like one; None where the champion does not know it. Raises `LakehouseError`."""
    rows = _rows(lakehouse, SIMILAR_MOVIES.name, "movie_id", movie)
    if not rows:
        return None
    shown = _shown(rows[0]["similar"], policy_now(lakehouse))
    return Answer(f"Like {titles_of(lakehouse, [movie])[movie][0]}", _entries(lakehouse, shown))


def _fresh(lakehouse: Lakehouse, user: int, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The user's list of what waits, unless another version that has learned all of it made a newer list since.

    One that has not, or is the same version, is never better: its list may name what the user has rated by now.
    """
    if not lakehouse.exists(RECOMMENDATIONS_FRESH.name):
        return []
    found = _rows(lakehouse, RECOMMENDATIONS_FRESH.name, "user_id", user)
    return [
        fresh
        for fresh in found
        if all(row["model_version"] == fresh["model_version"] for row in listed)
        or fresh["generated_ts"] > listed[0]["generated_ts"]
        or len(ratings_of_who_came(lakehouse, listed[0]["model_version"], pa.array([user], pa.int32())))
    ]


def _rows(lakehouse: Lakehouse, table: str, key: str, value: int | None) -> list[dict[str, Any]]:
    data = lakehouse.dataset(table)
    found = first_rows(data, 1) if value is None else data.to_table(filter=pc.field(key) == value)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _shown(entries: list[dict[str, Any]], policy: Policy, user: int | None = None) -> list[dict[str, Any]]:
    """The entries that no rule hides from the user, or from everyone, with new ranks."""
    hidden = policy.hides(np.array([entry["movie_id"] for entry in entries], np.int32), user)
    left = [entry for entry, hides in zip(entries, hidden, strict=True) if not hides]
    return [entry | {"rank": rank} for rank, entry in enumerate(left, 1)]


def _popular(lakehouse: Lakehouse, policy: Policy, user: int) -> list[dict[str, Any]]:
    store, users = serving_store(lakehouse.settings), np.array([user], np.int32)
    version = champion_version(store)
    model = store.load_users(version, users)
    lists = recommend(model, editing_of(policy, store.family, model), users, lakehouse.settings.serving.top_n)
    rows = list_rows(lists, "user_id", "recommendations", version, datetime.now(UTC)).to_pylist()
    found: list[dict[str, Any]] = rows[0]["recommendations"]
    return found


def _entries(lakehouse: Lakehouse, rows: list[dict[str, Any]]) -> list[Entry]:
    titles = titles_of(lakehouse, [row["movie_id"] for row in rows])
    return [Entry(row["rank"], row["movie_id"], *titles[row["movie_id"]], row["score"]) for row in rows]
