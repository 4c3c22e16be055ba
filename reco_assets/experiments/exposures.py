"""The log of who was shown which list: a row where a user's list changed, and none where it didn't."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.ratings import positions
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.experiments import Experiment, running_experiment
from reco_assets.tables import EXPOSURES, RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH
from reco_assets.vocabulary import CHALLENGER, CHAMPION
from resources.tables.growth import Changes, commit_changes
from resources.tables.lakehouse import Lakehouse

LISTED = ["user_id", "model_version", "recommendations", "generated_ts"]
NO_MOVIE = -1


def log_exposures(lakehouse: Lakehouse) -> int:
    """Append the lists of gold that users of the running experiment were not shown before; how many these are.

    Where none runs, or gold's lists are not its own, nothing is appended. Lists that are logged again add nothing.
    Raises `LakehouseError`, `ModelStoreError`.
    """
    experiment = running_experiment(serving_store(lakehouse.settings))
    with lakehouse.lock(EXPOSURES.name):
        if not lakehouse.exists(EXPOSURES.name):
            lakehouse.write(EXPOSURES, _none())
        if experiment is None or not (lists := _lists_of_gold(lakehouse)):
            return 0
        rows = exposures(lists, last_shown(lakehouse, experiment), experiment)
        if len(rows):
            commit_changes(lakehouse, EXPOSURES, Changes(rows, _none()), EXPOSURES.key)
    return len(rows)


def last_shown(lakehouse: Lakehouse, experiment: Experiment) -> pa.Table:
    """The newest row of each user of an experiment. Raises `LakehouseError`."""
    rows = shown_in(lakehouse, experiment, EXPOSURES.schema.names)
    if not len(rows):
        return rows
    newest = rows.sort_by([("user_id", "ascending"), ("shown_ts", "ascending")])
    users = newest["user_id"].to_numpy()
    return newest.filter(pa.array(np.append(users[1:] != users[:-1], True)))


def shown_in(
    lakehouse: Lakehouse, experiment: Experiment, columns: list[str], users: pa.Array | None = None
) -> pa.Table:
    """These columns of an experiment's exposures, of all users or of these. Raises `LakehouseError`."""
    if not lakehouse.exists(EXPOSURES.name):
        return _none().select(columns)
    wanted = pac.field("experiment") == experiment.id
    if users is not None:
        wanted &= pac.field("user_id").isin(users)
    return lakehouse.dataset(EXPOSURES.name).to_table(columns=columns, filter=wanted)


def exposures(lists: Sequence[pa.Table], last: pa.Table, experiment: Experiment) -> pa.Table:
    """The rows to append for lists that are in gold now. Pure.

    Args:
        lists: `LISTED`, one list a user in each table. A user with a list in several is shown that of the first.
        last: The columns of `EXPOSURES`: the last row of each user, by user_id.
        experiment: The one that runs. A list that another version made than that of the user's arm is none of it, as
            one that was published before the start.

    Returns:
        The columns of `EXPOSURES`, by user.
    """
    rows = _shown([_of_own_arm(each, experiment) for each in lists]).sort_by("user_id")
    shown = rows["recommendations"].combine_chunks()
    movies = pa.ListArray.from_arrays(_ends(shown), shown.flatten().field("movie_id"))
    at = positions(last["user_id"].to_numpy(), rows["user_id"].to_numpy())
    changed = (at < 0) | ~_same(movies, last["movies"].combine_chunks(), at)
    stamp = rows["generated_ts"].cast(pa.timestamp("us", tz="UTC"))
    values = {
        "experiment": pa.repeat(pa.scalar(experiment.id), len(rows)),
        "user_id": rows["user_id"],
        "variant": pac.if_else(_drawn(rows, experiment), CHALLENGER, CHAMPION),
        "model_version": rows["model_version"],
        "movies": movies,
        "shown_ts": stamp,
    }
    return pa.table(values).filter(pa.array(changed))


def _lists_of_gold(lakehouse: Lakehouse) -> list[pa.Table]:
    """`LISTED`: before those of all the lists of who came, which they are shown."""
    there = [spec.name for spec in (RECOMMENDATIONS_FRESH, RECOMMENDATIONS_ALS) if lakehouse.exists(spec.name)]
    return [lakehouse.dataset(name).to_table(columns=LISTED) for name in there]


def _shown(lists: Sequence[pa.Table]) -> pa.Table:
    found = lists[0]
    for each in lists[1:]:
        others = pac.invert(pac.is_in(each["user_id"], pac.unique(found["user_id"])))
        found = pa.concat_tables([found, each.filter(others)], promote_options="permissive")
    return found


def _of_own_arm(lists: pa.Table, experiment: Experiment) -> pa.Table:
    own = pac.if_else(_drawn(lists, experiment), experiment.challenger, experiment.champion)
    return lists.filter(pac.equal(lists["model_version"], own))


def _drawn(rows: pa.Table, experiment: Experiment) -> pa.Array:
    """Which rows are of the challenger's users."""
    return pa.array(experiment.draws(rows["user_id"].to_numpy()))


def _same(movies: pa.ListArray, last: pa.ListArray, at: np.ndarray) -> np.ndarray:
    """Whether each list is that at its place among the last ones."""
    if not len(last):
        return np.zeros(len(movies), bool)
    width = max(int(pac.max(pac.list_value_length(each)).as_py() or 0) for each in (movies, last) if len(each))
    found: np.ndarray = (_matrix(movies, width) == _matrix(last, width)[np.maximum(at, 0)]).all(axis=1)
    return found


def _matrix(lists: pa.ListArray, width: int) -> np.ndarray:
    lengths = lists.value_lengths().fill_null(0).to_numpy()
    movies = np.full((len(lists), width), NO_MOVIE, np.int32)
    movies[np.arange(width) < lengths[:, None]] = lists.flatten().to_numpy()
    return movies


def _ends(lists: pa.ListArray) -> pa.Array:
    lengths = lists.value_lengths().fill_null(0).to_numpy()
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))


def _none() -> pa.Table:
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(EXPOSURES.schema, timezone="UTC").empty_table()
