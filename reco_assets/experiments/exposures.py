"""The log of who was shown which list: a row where a publication changed a user's list, and none where it didn't."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.ratings import positions
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.experiments import Experiment, running_experiment
from reco_assets.tables import EXPOSURES, RECOMMENDATIONS_ALS
from resources.tables.growth import Changes, commit_changes
from resources.tables.lakehouse import Lakehouse

LISTED = ["user_id", "variant", "model_version", "recommendations", "generated_ts"]
NO_MOVIE = -1


def log_exposures(lakehouse: Lakehouse) -> int:
    """Append the lists of gold that users of the running experiment were not shown before; how many these are.

    Where none runs, or gold's lists are not its own, nothing is appended. A publication that is logged again adds
    nothing. Raises `LakehouseError`, `ModelStoreError`.
    """
    experiment = running_experiment(serving_store(lakehouse.settings))
    with lakehouse.lock(EXPOSURES.name):
        if not lakehouse.exists(EXPOSURES.name):
            lakehouse.write(EXPOSURES, _none())
        if experiment is None:
            return 0
        published = lakehouse.dataset(RECOMMENDATIONS_ALS.name).to_table(columns=LISTED)
        rows = exposures(published, last_shown(lakehouse, experiment), experiment)
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


def exposures(published: pa.Table, last: pa.Table, experiment: Experiment) -> pa.Table:
    """The rows to append for a publication. Pure.

    Args:
        published: `LISTED`, the lists of gold, one a user.
        last: The columns of `EXPOSURES`: the last row of each user, by user_id.
        experiment: The one that runs; lists of other versions than its two are none of it.

    Returns:
        The columns of `EXPOSURES`, by user.
    """
    versions = pa.array([experiment.champion, experiment.challenger])
    rows = published.filter(pac.is_in(published["model_version"], versions)).sort_by("user_id")
    lists = rows["recommendations"].combine_chunks()
    movies = pa.ListArray.from_arrays(_ends(lists), lists.flatten().field("movie_id"))
    at = positions(last["user_id"].to_numpy(), rows["user_id"].to_numpy())
    changed = (at < 0) | ~_same(movies, last["movies"].combine_chunks(), at)
    if len(last):
        before = last["model_version"].take(pa.array(np.maximum(at, 0)))
        changed |= pac.not_equal(rows["model_version"], before).to_numpy()
    stamp = rows["generated_ts"].cast(pa.timestamp("us", tz="UTC"))
    values = {
        "experiment": pa.repeat(pa.scalar(experiment.id), len(rows)),
        **{name: rows[name] for name in ("user_id", "variant", "model_version")},
        "movies": movies,
        "shown_ts": stamp,
    }
    return pa.table(values).filter(pa.array(changed))


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
