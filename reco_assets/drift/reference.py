"""The champion's side of a drift report: what it was trained and judged on, counted once per champion and kept.

Beyond the memory of Spark's driver, ratings are counted there per user, of a sample of users, and the model is read for
those users alone whose ratings it has to predict.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reco_assets.drift.cells import Cells, ScoredRatings, cells_of
from reco_assets.drift.histograms import RATINGS, of_frame
from reco_assets.drift.kept import keep, kept, kept_folder
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.reports import ReportError
from reco_assets.drift.sampling import EVERYBODY, UserSample
from reco_assets.drift.signals import Yardstick
from reco_assets.models.inputs import read_ratings
from reco_assets.models.interface import Recommender
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import ModelRecord
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.store import ModelStore
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import RATING_COLUMNS
from resources.settings.drift import DriftSettings
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FORMAT = 6  # of what is kept; raise it where cells, windows or findings change
REFERENCE_FILE = "reference.npz"
ModelOf = Callable[[np.ndarray], Recommender]  # for (n,) ids of users, who may repeat, a model that knows these


@dataclass(frozen=True)
class Reference:
    """A champion with the ratings it was trained and judged on, at the Delta versions it was.

    `sample`: whose ratings are counted; `key`: names all of that, the tables themselves included.
    """

    champion: str
    model_of: ModelOf
    versions: dict[str, int | None]
    cells: Cells
    sample: UserSample = EVERYBODY
    key: str = ""

    def yardstick(self, config: DriftSettings) -> Yardstick:
        """What new ratings are held against."""
        return Yardstick(self.cells, config, sample=self.sample)


def reference_of(lakehouse: Lakehouse, champion: str) -> Reference:
    """A champion and its ratings, which are counted once; the engine counts those of training.

    Raises `ReportError`, `LakehouseError`.
    """
    lakehouse.require_delta("drift detection")
    store = serving_store(lakehouse.settings)
    record = store.record(champion)
    versions = reference_versions(record, lakehouse)
    by_frames = lakehouse.goes_by_frames(TRAIN_RATINGS.name, versions[TRAIN_RATINGS.name])
    model_of = _of_users(store, champion) if by_frames else _always(store.load(champion))
    tables = {name: read_log(lakehouse, name).table_id for name in versions}
    key = digest([FORMAT, champion, record.replaced, versions, tables, by_frames])
    path = kept_folder(lakehouse.settings) / REFERENCE_FILE
    found = kept(path)
    if found and found[1].get("key") == key:
        return Reference(champion, model_of, versions, Cells(**found[0]), UserSample(found[1]["sample"]), key)
    train = lakehouse.read(TRAIN_RATINGS.name, versions[TRAIN_RATINGS.name])
    sample = UserSample.of(train.select("user_id").distinct().count()) if by_frames else EVERYBODY
    judged_on = judged_ratings(lakehouse, versions[TEST_RATINGS.name], sample)
    scored = ScoredRatings.of(model_of(judged_on.user_id), judged_on)
    cells = cells_of(of_frame(RATINGS, _ratings_of(train, sample)), scored, rated_movies(train))
    keep(path, arrays_of(cells), {"key": key, "sample": sample.kept})
    return Reference(champion, model_of, versions, cells, sample, key)


def judged_ratings(lakehouse: Lakehouse, version: int | None, sample: UserSample) -> Ratings:
    """The test ratings of a sample of users. Raises `LakehouseError`."""
    if sample == EVERYBODY:
        return read_ratings(lakehouse, TEST_RATINGS.name, version)
    rows = _ratings_of(lakehouse.read(TEST_RATINGS.name, version), sample)
    return Ratings.from_arrow(rows.select(*RATING_COLUMNS).toArrow())


def rated_movies(frame: "DataFrame") -> Occurrences:
    """How many ratings each movie of a frame has, counted by the engine."""
    counted = frame.groupBy("movie_id").count().toArrow().sort_by("movie_id")
    return Occurrences(counted["movie_id"].to_numpy(), counted["count"].to_numpy())


def reference_versions(record: ModelRecord, lakehouse: Lakehouse) -> dict[str, int | None]:
    """The Delta versions that the champion was trained and judged on; a champion never judged: today's test ratings."""
    trained_on = record.delta_version(TRAIN_RATINGS.name)
    if trained_on is None:
        raise ReportError(
            f"Champion {record.version} was not trained on a Delta version of {TRAIN_RATINGS.name}, so there is "
            "nothing to compare new ratings with. Train one that is: reco train."
        )
    judged_on = record.judged_inputs.get(TEST_RATINGS.name)
    return {
        TRAIN_RATINGS.name: trained_on,
        TEST_RATINGS.name: judged_on if isinstance(judged_on, int) else lakehouse.version(TEST_RATINGS.name),
    }


def arrays_of(cells: Cells) -> dict[str, np.ndarray]:
    """Cells by the names that they are kept under."""
    return {"train": cells.train, "warm": cells.warm, "movies": cells.movies}


def digest(value: Any) -> str:
    """A hash that names a JSON value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _ratings_of(ratings: "DataFrame", sample: UserSample) -> "DataFrame":
    return ratings if sample == EVERYBODY else ratings.where(sample.condition())


def _of_users(store: ModelStore, champion: str) -> ModelOf:
    return lambda user_ids: store.load_users(champion, np.unique(user_ids))


def _always(model: Recommender) -> ModelOf:
    return lambda _: model
