"""Whether the server, the registered model and gold's tables say the same: asked for some lists of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.compute as pac

from reco_assets.models.pyfunc import ranked_movies
from reco_assets.models.versions.flavour import FLAVOUR_FILE
from reco_assets.rules.editing import FREE, Editing
from reco_assets.rules.reading import others_kept
from reco_assets.serving.opening import State, current_state, open_for_users, open_snapshot
from reco_assets.serving.snapshot import Snapshot
from reco_assets.tables import RECOMMENDATIONS_ALS, SIMILAR_MOVIES, TRAIN_RATINGS
from resources.mlflow.mirror import MlflowTracking, RegistryError
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

LISTS = 200
TOLERANCE = 1e-5  # of scores; products of 64 float32 in another order differ by about 1e-6

IN_PART = "Of these users alone: there are too many ratings to load what all users have, as the registered model does."

Movies = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Likeness:
    """How much the lists of one source are those of another.

    same_entries: the share of entries with the same movie, or with one of the same score where some are tied;
    difference: the greatest of two scores at one place.
    """

    same_entries: float
    difference: float

    @property
    def holds(self) -> bool:
        """Whether nothing but rounding lies between them."""
        return self.same_entries == 1.0 and self.difference <= TOLERANCE


@dataclass(frozen=True)
class Parity:
    """What was found, in words, and the figures behind it by who was asked."""

    passed: bool
    text: str
    lists: int = 0
    likeness: dict[str, Likeness] | None = None


@dataclass(frozen=True)
class _Gold:
    """Some rows of a gold table: whose lists these are, the lists, which versions made them, and when (UTC).

    `users` are the keys where these are users, (u,) int32; a movie's list asks for nobody.
    """

    keys: list[int]
    users: np.ndarray
    lists: list[Movies]
    versions: set[str]
    made: datetime | None

    def but_for_who_came(self, snapshot: Snapshot) -> "_Gold":
        """Without users who came since: the server solves their lists anew, as gold/recommendations_fresh has them."""
        keep = [not (len(self.users) and snapshot.of(key).came.holds(key)) for key in self.keys]
        return replace(self, keys=[*compress(self.keys, keep)], lists=[*compress(self.lists, keep)])


Answers = dict[str, tuple[list[Movies], list[Movies]]]  # {who was asked: what was expected, what was found}


def likeness(expected: Sequence[Movies], found: Sequence[Movies]) -> Likeness:
    """Compare lists of (movie, score) place by place; a place that only one of two lists has is a difference. Pure."""
    same: list[bool] = []
    differences = [0.0]
    for one, other in zip(expected, found, strict=True):
        both = zip(one, other, _tied(one), strict=False)
        same += [ours[0] == theirs[0] or tied for ours, theirs, tied in both]
        same += [False] * abs(len(one) - len(other))
        differences += [abs(ours[1] - theirs[1]) for ours, theirs in zip(one, other, strict=False)]
    return Likeness(sum(same) / max(len(same), 1), max(differences)) if same else Likeness(1.0, 0.0)


def _tied(movies: Movies) -> list[bool]:
    """Which places another movie may take: those with the score of a neighbour, and the last, whose next is cut off."""
    scores = np.array([score for _, score in movies])
    close = np.abs(np.diff(scores)) <= TOLERANCE
    tied: list[bool] = (np.append(close, True) | np.append(False, close)).tolist()[: len(movies)]
    return tied


def parity_of_recommendations(lakehouse: Lakehouse, registry: MlflowTracking) -> Parity:
    """Compare users' lists of gold with the server's and with those of the champion as MLflow holds it."""

    def ask(snapshot: Snapshot, gold: _Gold) -> Answers:
        n, users = lakehouse.settings.serving.top_n, gold.keys
        answers = {"server": (gold.lists, [_movies(snapshot.of(user).recommended(user, n)) for user in users])}
        own = {user: listed for user, listed in zip(users, gold.lists, strict=True) if snapshot.of(user) is snapshot}
        registered = _registered(registry, snapshot, [*own], n) if _loads_whole(lakehouse) else None
        if registered is not None:  # it knows of no rules, and is held against the same model without them
            without = replace(snapshot, editing=Editing(FREE))
            plain = [_movies(without.recommended(user, n)) for user in own]
            answers["registered model"] = ([*own.values()] if snapshot.editing.is_off else plain, registered)
        return answers

    return _parity(lakehouse, RECOMMENDATIONS_ALS, "recommendations", ask)


def parity_of_similar(lakehouse: Lakehouse) -> Parity:
    """Compare movies' lists of gold with the server's."""

    def ask(snapshot: Snapshot, gold: _Gold) -> Answers:
        n = lakehouse.settings.serving.top_n
        return {"server": (gold.lists, [_movies(snapshot.similar(movie, n)) for movie in gold.keys])}

    return _parity(lakehouse, SIMILAR_MOVIES, "similar", ask)


def _parity(
    lakehouse: Lakehouse,
    spec: TableSpec,
    column: str,
    ask: Callable[[Snapshot, _Gold], Answers],
) -> Parity:
    state = current_state(lakehouse)
    if state is None:
        return Parity(passed=True, text="Not measured: there is no champion to serve.")
    gold = _some_rows(lakehouse, spec, column)
    if others := gold.versions - (state.versions if spec == RECOMMENDATIONS_ALS else {state.champion}):
        text = f"{spec.name} holds lists of {', '.join(sorted(others))}, and {state.champion} serves. Make it again."
        return Parity(passed=False, text=text)
    with TemporaryDirectory() as folder:
        try:
            snapshot = _snapshot(lakehouse, state, gold, Path(folder))
            if others_kept(lakehouse, snapshot.editing.policy.rules, gold.made):
                text = f"{spec.name} keeps the rules of {gold.made:%Y-%m-%d %H:%M}, and others are in force now. "
                return Parity(passed=False, text=f"{text}Make it again: reco rules publish")
            gold = gold.but_for_who_came(snapshot)
            answers = ask(snapshot, gold)
        except RegistryError as error:
            return Parity(passed=False, text=str(error))
    found = {who: likeness(expected, lists) for who, (expected, lists) in answers.items()}
    text = _in_words(found, len(gold.keys)) + ("" if _loads_whole(lakehouse) else f" {IN_PART}")
    return Parity(all(each.holds for each in found.values()), text, len(gold.keys), found)


def _loads_whole(lakehouse: Lakehouse) -> bool:
    return lakehouse.fits_memory(TRAIN_RATINGS.name)


def _snapshot(lakehouse: Lakehouse, state: State, gold: _Gold, folder: Path) -> Snapshot:
    """What the server answers from; beyond memory the same of those users alone who are asked for."""
    if _loads_whole(lakehouse):
        return open_snapshot(lakehouse, state, folder)
    return open_for_users(lakehouse, state, gold.users, folder)


def _some_rows(lakehouse: Lakehouse, spec: TableSpec, column: str) -> _Gold:
    """`LISTS` rows from all over a gold table."""
    (key,), table = spec.key, lakehouse.dataset(spec.name)
    wanted = np.unique(np.linspace(0, max(table.count_rows() - 1, 0), LISTS).astype(int))
    keys: list[int] = []
    start = 0
    for batch in table.to_batches(columns=[key]):
        here = wanted[(wanted >= start) & (wanted < start + len(batch))] - start
        keys += batch[key].to_numpy()[here].tolist()
        start += len(batch)
    rows: list[dict[str, Any]] = table.to_table(filter=pac.field(key).isin(keys)).to_pylist()
    lists: list[Movies] = [[(entry["movie_id"], entry["score"]) for entry in row[column]] for row in rows]
    users = np.array([row[key] for row in rows if key == "user_id"], np.int32)
    made = max((row["generated_ts"] for row in rows), default=None)
    return _Gold([row[key] for row in rows], users, lists, {row["model_version"] for row in rows}, made)


def _registered(registry: MlflowTracking, snapshot: Snapshot, users: Sequence[int], n: int) -> list[Movies] | None:
    """The lists of the champion as MLflow holds it; None where MLflow is away or can't load that version."""
    import pandas as pd

    with TemporaryDirectory() as folder:
        fetched = registry.fetch_version(snapshot.version, Path(folder))
        if fetched is None or not (fetched / FLAVOUR_FILE).exists():
            return None
        asked = pd.DataFrame({"user_id": users, "seen": [snapshot.seen.of(user).movie_id for user in users]})
        rows = ranked_movies(str(fetched)).predict(asked, {"n": n})
    by_user = {user: list(zip(of["movie_id"], of["score"], strict=True)) for user, of in rows.groupby("user_id")}
    return [by_user.get(user, []) for user in users]


def _movies(listed: Sequence[Any]) -> Movies:
    return [(entry.movie_id, entry.score) for entry in listed]


def _in_words(found: dict[str, Likeness], lists: int) -> str:
    told = (
        f"{who}: {each.same_entries:.2%} of the entries are gold's, scores differ by {each.difference:.1e} at most"
        for who, each in found.items()
    )
    return f"{lists} lists. {'; '.join(told)}."
