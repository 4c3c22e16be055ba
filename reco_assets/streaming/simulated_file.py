"""A CSV file of simulated ratings for the streaming folder: what whole users rated, tilted as one chooses."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.csv as pcsv

from reco_assets.streaming.landing import name_defect
from reco_assets.streaming.simulate import TOLERANCE, Simulation, SimulationError, draw
from reco_assets.tables import FUTURE_RATINGS, SPLIT_RATINGS
from reco_assets.vocabulary import CSV_COLUMNS, FUTURE, HISTORY, KEY
from resources.files import replacing
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

TABLES = {FUTURE: FUTURE_RATINGS.name, HISTORY: SPLIT_RATINGS.name}
RATING = [*KEY, "rating"]


def simulate(settings: Settings, plan: Simulation, name: str) -> dict[str, Any]:
    """Put a file into the streaming folder; returns its path, rows, users and mean, and a note where it is smaller than
    was asked for.

    Raises `SimulationError`, `LakehouseError`.
    """
    target = settings.storage.landing / name
    if defect := name_defect(name):
        raise SimulationError(f"--name {name!r} would never be taken in: {defect}.")
    if os.path.lexists(target):
        raise SimulationError(f"{target} still waits to be taken in; choose another --name.")
    rows = Lakehouse.open(settings).dataset(TABLES[plan.population]).to_table(columns=RATING)
    if not len(rows):
        raise SimulationError(f"{TABLES[plan.population]} has no ratings to draw from; choose --from history.")
    drawn = draw(rows, plan)
    _write(target, drawn)
    users, there = (pac.count_distinct(table["user_id"]).as_py() for table in (drawn, rows))
    note = _shortfall(plan, users, len(drawn), there)
    return {
        "path": str(target),
        "rows": len(drawn),
        "users": users,
        "mean": round(float(drawn["rating"].to_numpy().mean()), 4),
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


def _write(target: Path, drawn: pa.Table) -> None:
    text = pac.strftime(drawn["rating_ts"].cast(pa.timestamp("s", tz="UTC")), format="%Y-%m-%d %H:%M:%S")
    columns = [text, drawn["user_id"], drawn["movie_id"], drawn["rating"]]
    table = pa.table(dict(zip(CSV_COLUMNS, columns, strict=True)))
    with replacing(target) as temporary, temporary.open("wb") as file:
        pcsv.write_csv(table, file, pcsv.WriteOptions(quoting_header="none", quoting_style="none"))
