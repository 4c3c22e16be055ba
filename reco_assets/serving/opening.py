"""What is to be served now, and a snapshot of it, whose arrays one process makes and all others map."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.gold.came import ratings_of_who_came
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.interface import Recommender
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.experiments import Experiment, running_experiment
from reco_assets.rules.editing import Policy, editing_of
from reco_assets.rules.reading import policy_now
from reco_assets.serving.came import Came, write_came
from reco_assets.serving.seen import COLUMNS, Seen, write_seen
from reco_assets.serving.snapshot import Challenger, Snapshot, Trend
from reco_assets.tables import RECOMMENDATIONS_FRESH, RULES, SILVER_MOVIES, SPLITS, TRENDING
from resources.files import staged
from resources.locking.locks import MAKING_SECONDS, held
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

LONGEST_LIST = 1_000
KEPT = 4  # folders of arrays: those of champion and challenger, of those before, and of what users rated by then
MODEL, SEEN, CAME = "model", "seen", "came"

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class TableState:
    """A table as it is at one moment: `mark` tells it from all other states; version: None for a parquet table."""

    name: str
    mark: str
    version: int | None


@dataclass(frozen=True)
class State:
    """Which version serves, and the states of the tables that answers depend on, as far as they are there.

    `day` (UTC) decides which rules are in force; None where there are none. `experiment`: the one that runs.
    """

    champion: str
    tables: tuple[TableState, ...]
    day: date | None = None
    experiment: Experiment | None = None

    @property
    def versions(self) -> set[str]:
        """The versions whose lists users get."""
        return {self.champion} | ({self.experiment.challenger} if self.experiment else set())

    def of(self, *specs: TableSpec) -> list[TableState]:
        """The states of these tables, as far as they are there."""
        return [table for table in self.tables if table.name in {spec.name for spec in specs}]


def current_state(lakehouse: Lakehouse) -> State | None:
    """What is to be served now; None before the first champion. Raises `ModelStoreError`, `LakehouseError`."""
    store = serving_store(lakehouse.settings)
    champion = store.champion()
    if champion is None:
        return None
    asked = (*SPLITS, RECOMMENDATIONS_FRESH, SILVER_MOVIES, TRENDING, RULES)
    there = [spec.name for spec in asked if lakehouse.exists(spec.name)]
    day = datetime.now(UTC).date() if RULES.name in there else None
    return State(champion, tuple(_table_state(lakehouse, name) for name in there), day, running_experiment(store))


def arrays_folder(lakehouse: Lakehouse) -> Path:
    """Where the servers of a lakehouse keep the arrays that they share."""
    return lakehouse.settings.storage.cache / "serving" / _digest(str(lakehouse.root))


def open_snapshot(lakehouse: Lakehouse, state: State, folder: Path) -> Snapshot:
    """The snapshot of a state, whose arrays lie in a folder, or are put there.

    Raises `ModelStoreError`, `LakehouseError`, `LockError`.
    """
    with held(folder / ".lock", f"The arrays to serve {lakehouse.root} from", MAKING_SECONDS):
        model = _model(lakehouse, state.champion, folder)
        seen, came = _seen(lakehouse, state.of(*SPLITS), folder), _came(lakehouse, state, state.champion, folder)
        if state.experiment:
            version = state.experiment.challenger
            other, also_came = _model(lakehouse, version, folder), _came(lakehouse, state, version, folder)
        _remove_old(folder)
    policy, titles = policy_now(lakehouse), _titles(lakehouse, state.of(SILVER_MOVIES))
    trend, editing = _trend(lakehouse, state.of(TRENDING), policy), editing_of(policy, SERVING_FAMILY, model)
    champion = Snapshot(state.champion, model, seen, came, titles, trend, editing)
    if state.experiment is None:
        return champion
    edited = editing_of(policy, SERVING_FAMILY, other)
    challenger = replace(champion, version=version, model=other, came=also_came, editing=edited)
    return replace(champion, challenger=Challenger(state.experiment.draws, challenger))


def open_for_users(lakehouse: Lakehouse, state: State, users: np.ndarray, folder: Path) -> Snapshot:
    """The snapshot of a state for some users (u,) int32 alone, of whom it says what the whole one says.

    It has every movie, but no titles and no trend. What they rated is put into a folder. For who looks at few of more
    users than memory holds. Raises `ModelStoreError`, `LakehouseError`.
    """
    of_them = ds.field("user_id").isin(pa.array(users.tolist(), pa.int32()))  # Arrow's own memory, as in tables/growth
    sides = [lakehouse.dataset(side.name, side.version) for side in state.of(*SPLITS)]
    rated = [side.to_table(columns=list(COLUMNS), filter=of_them) for side in sides]
    write_seen(lambda: (batch for table in rated for batch in table.to_batches()), folder / SEEN)
    seen, policy = Seen.load(folder / SEEN), policy_now(lakehouse)

    def of(version: str) -> Snapshot:
        model, place = serving_store(lakehouse.settings).load_users(version, users), folder / f"{CAME}-{version}"
        write_came(ratings_of_who_came(lakehouse, version, pa.array(users.tolist(), pa.int32())), place)
        editing = editing_of(policy, SERVING_FAMILY, model)
        return Snapshot(version, model, seen, Came.load(place), {}, Trend((), None), editing)

    champion, experiment = of(state.champion), state.experiment
    if experiment is None:
        return champion
    return replace(champion, challenger=Challenger(experiment.draws, of(experiment.challenger)))


def _model(lakehouse: Lakehouse, version: str, folder: Path) -> Recommender:
    store = serving_store(lakehouse.settings)
    if store.family.shared is None:
        return store.load(version)
    record = store.record(version)
    arrays, share = folder / f"{MODEL}-{version}-{_digest(record.files)}", store.family.shared

    def opened() -> Recommender:
        if not arrays.exists():
            store.verify(version)
        return share(store.path(version), record, arrays)

    return _opened(arrays, opened)


def _seen(lakehouse: Lakehouse, sides: Sequence[TableState], folder: Path) -> Seen:
    arrays = folder / f"{SEEN}-{_digest([side.mark for side in sides])}"

    def opened() -> Seen:
        if not arrays.exists():
            tables = [lakehouse.dataset(side.name, side.version) for side in sides]
            with staged(arrays) as staging:
                write_seen(lambda: (each for of in tables for each in of.to_batches(columns=list(COLUMNS))), staging)
        return Seen.load(arrays)

    return _opened(arrays, opened)


def _came(lakehouse: Lakehouse, state: State, version: str, folder: Path) -> Came:
    """Who came that the version has not learned, once gold has lists for them, which each intake makes anew."""
    marks = [table.mark for table in state.of(RECOMMENDATIONS_FRESH, *SPLITS)]
    arrays = folder / f"{CAME}-{_digest([version, marks])}"

    def opened() -> Came:
        if not arrays.exists():
            with staged(arrays) as staging:
                write_came(ratings_of_who_came(lakehouse, version), staging)
        return Came.load(arrays)

    return _opened(arrays, opened)


def _opened(arrays: Path, opened: Callable[[], Opened]) -> Opened:
    """What is opened of a folder of arrays, or made where there is none; one that is damaged is made again once."""
    if arrays.exists():
        arrays.touch()
        try:
            return opened()
        except (EOFError, ValueError, FileNotFoundError):  # a file is empty, cut off or gone
            shutil.rmtree(arrays)
    return opened()


def _remove_old(folder: Path) -> None:
    """Remove the arrays that were used longest ago, and what killed processes left; who maps them keeps them."""
    for kind in (MODEL, SEEN, CAME):
        newest_first = sorted(folder.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in (*newest_first[KEPT:], *folder.glob(f".{kind}-*")):
            shutil.rmtree(old, ignore_errors=True)


def _titles(lakehouse: Lakehouse, movies: Sequence[TableState]) -> dict[int, tuple[str, str]]:
    columns = ["movie_id", "title", "genres"]
    tables = [lakehouse.dataset(each.name, each.version).to_table(columns=columns) for each in movies]
    rows = (zip(*(table[name].to_pylist() for name in columns), strict=True) for table in tables)
    return {movie: (title, ", ".join(genres)) for each in rows for movie, title, genres in each}


def _trend(lakehouse: Lakehouse, trending: Sequence[TableState], policy: Policy) -> Trend:
    for each in trending:
        table = lakehouse.dataset(each.name, each.version).to_table().sort_by("rank")
        as_of = table["as_of"][0].as_py() if len(table) else None
        shown = table.filter(pa.array(~policy.hides(table["movie_id"].to_numpy())))
        rows = shown.slice(0, LONGEST_LIST).to_pylist()
        return Trend(tuple((row["movie_id"], row["score"]) for row in rows), as_of)
    return Trend((), None)


def _table_state(lakehouse: Lakehouse, name: str) -> TableState:
    version = lakehouse.version(name)
    if version is None:
        return TableState(name, f"{name} {lakehouse.path(name).stat().st_mtime_ns}", None)
    log = read_log(lakehouse, name)
    return TableState(name, f"{log.table_id} {log.version}", log.version)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
