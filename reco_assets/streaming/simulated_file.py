"""A CSV file of simulated ratings for the streaming folder: what whole users rated, tilted as one chooses."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.csv as pcsv

from reco_assets.streaming.landing import name_defect
from reco_assets.streaming.simulate import TOLERANCE, Population, Simulation, SimulationError, draw
from reco_assets.tables import FUTURE_RATINGS, SPLIT_RATINGS
from reco_assets.vocabulary import CSV_COLUMNS, FUTURE, HISTORY, KEY
from resources.files import replacing
from resources.settings import Settings
from resources.tables.growth import rows_held
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
    lakehouse, table = Lakehouse.open(settings), TABLES[plan.population]
    population = _population(lakehouse, table)
    there = len(population.user_id)
    if not there:
        raise SimulationError(f"{table} has no ratings to draw from; choose --from history.")
    drawn = draw(population, plan, lambda users: rows_held(lakehouse, table, pa.table({"user_id": users}), RATING))
    _write(target, drawn)
    users = pac.count_distinct(drawn["user_id"]).as_py()
    note = _shortfall(plan, users, len(drawn), there)
    return {
        "path": str(target),
        "rows": len(drawn),
        "users": users,
        "mean": round(float(drawn["rating"].to_numpy().mean()), 4),
        **({"note": note} if note else {}),
    }


def _population(lakehouse: Lakehouse, table: str) -> Population:
    """Count a table's ratings, where it is too large for Spark's driver by the workers."""
    if not lakehouse.goes_by_frames(table):
        rows = lakehouse.dataset(table).to_table(columns=["user_id", "rating", "rating_ts"])
        users = rows.group_by("user_id").aggregate([([], "count_all"), ("rating_ts", "max")])
        stars = rows.group_by("rating").aggregate([([], "count_all")])
        return Population.of(
            users.rename_columns(["user_id", "ratings", "newest"]), stars.rename_columns(["rating", "ratings"])
        )
    from pyspark.sql import functions as F

    frame, count = lakehouse.read(table), F.count(F.lit(1)).alias("ratings")
    counted = frame.groupBy("user_id").agg(count, F.max("rating_ts").alias("newest"))
    return Population.of(counted.toArrow(), frame.groupBy("rating").agg(count).toArrow())


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
