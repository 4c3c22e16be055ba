"""A CSV file of simulated ratings for the streaming folder: what whole users rated, tilted as one chooses."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.csv as pcsv

from reco_assets.streaming.landing import name_defect
from reco_assets.streaming.simulate import TOLERANCE, SimulationError, draw_rows, draw_users, tilt
from reco_assets.tables import FUTURE_RATINGS, SPLIT_RATINGS
from reco_assets.vocabulary import CSV_COLUMNS, FUTURE, HISTORY
from resources.files import replacing
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

TABLES = {FUTURE: FUTURE_RATINGS.name, HISTORY: SPLIT_RATINGS.name}
RATING = ["user_id", "movie_id", "rating", "rating_ts"]


@dataclass(frozen=True)
class Simulation:
    """Whose ratings (`future` or `history`), of how many users and how many rows at most, shifted by how many stars."""

    population: str
    users: int
    rows: int | None
    tilt: float
    seed: int


def simulate(settings: Settings, plan: Simulation, name: str) -> dict[str, Any]:
    """Put a file into the streaming folder; returns its path, rows, users and mean, and a note where it is smaller than
    was asked for.

    Ratings from history are dated anew, one second apart after the last one, or their keys would be in training
    already. Raises `SimulationError`, `LakehouseError`.
    """
    target = settings.storage.landing / name
    if defect := name_defect(name):
        raise SimulationError(f"--name {name!r} would never be taken in: {defect}.")
    if os.path.lexists(target):
        raise SimulationError(f"{target} still waits to be taken in; choose another --name.")
    lakehouse, rng = Lakehouse.open(settings), np.random.default_rng(plan.seed)
    rows = (
        lakehouse.dataset(TABLES[plan.population])
        .to_table(columns=RATING)
        .sort_by([("rating_ts", "ascending"), ("user_id", "ascending"), ("movie_id", "ascending")])
    )
    if not len(rows):
        raise SimulationError(f"{TABLES[plan.population]} has no ratings to draw from; choose --from history.")
    drawn = rows.take(_chosen(rows["user_id"].to_numpy(), plan, rng))
    stars = tilt(drawn["rating"].to_numpy(), plan.tilt, rng, population=rows["rating"].to_numpy())
    dates = _dated_anew(rows, len(drawn)) if plan.population == HISTORY else drawn["rating_ts"]
    _write(target, [dates, drawn["user_id"], drawn["movie_id"], pa.array(stars)])
    users = pac.count_distinct(drawn["user_id"]).as_py()
    note = _shortfall(plan, users, len(drawn), pac.count_distinct(rows["user_id"]).as_py())
    return {
        "path": str(target),
        "rows": len(drawn),
        "users": users,
        "mean": round(float(stars.mean()), 4),
        **({"note": note} if note else {}),
    }


def _shortfall(plan: Simulation, users: int, rows: int, there: int) -> str | None:
    """What was asked for and is not there; None where all of it is, or one limit was met before the other."""
    too_few_rows = plan.rows is not None and rows < plan.rows * (1 - TOLERANCE)
    wanted = [f"{plan.users:,} users"] if plan.rows is None or too_few_rows else []
    wanted += [f"{plan.rows:,} rows"] if too_few_rows else []
    if not wanted or users == plan.users or users < there:
        return None
    more = "" if plan.population == HISTORY else "; --from history has more, dated anew"
    return f"{' and '.join(wanted)} were asked for, and {TABLES[plan.population]} has {there:,} users in all{more}."


def _chosen(user_id: np.ndarray, plan: Simulation, rng: np.random.Generator) -> np.ndarray:
    found = draw_users(user_id, user_id, plan.users, rng)
    return found if plan.rows is None else found[draw_rows(user_id[found], plan.rows, rng)]


def _dated_anew(rows: pa.Table, count: int) -> pa.Array:
    last = pac.max(rows["rating_ts"]).cast(pa.timestamp("s", tz="UTC")).value
    return pa.array(last + 1 + np.arange(count), pa.timestamp("s", tz="UTC"))


def _write(target: Path, columns: list[Any]) -> None:
    text = pac.strftime(columns[0].cast(pa.timestamp("s", tz="UTC")), format="%Y-%m-%d %H:%M:%S")
    table = pa.table(dict(zip(CSV_COLUMNS, [text, *columns[1:]], strict=True)))
    with replacing(target) as temporary, temporary.open("wb") as file:
        pcsv.write_csv(table, file, pcsv.WriteOptions(quoting_header="none", quoting_style="none"))
