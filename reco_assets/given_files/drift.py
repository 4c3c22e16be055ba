"""The streaming verbs on files that are given: the same reader, split, scores and keys as on the platform's tables."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reco_assets.batches.accepted import waiting
from reco_assets.drift.assessment import Compared, no_report, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of
from reco_assets.drift.histograms import RATINGS, of_frame, of_values
from reco_assets.drift.inputs import arrived, batch_cells, scan_batches
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.policy import Reason, reachable
from reco_assets.drift.reference import ModelOf, Reference, rated_movies, reference_versions
from reco_assets.drift.reports import read_report
from reco_assets.drift.sampling import EVERYBODY, UserSample
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.given_files.tables import columns_of, existing, framed_columns_of, go_by_frames
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import find_current_model, serving_store
from reco_assets.models.versions.files import load_model, load_users, read_record
from reco_assets.pipelines.selections import DRIFT
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.make import Make
from reco_assets.runner.results import drift_result
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import RATING_COLUMNS
from reco_assets.workspace import WAITING_TEST, WAITING_TRAIN, but_for_own, own_version
from resources.settings import Settings
from resources.settings.drift import DriftSettings
from resources.tables.files import dataset_at, read_path
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NONE = Ratings(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True)
class DriftPaths:
    """The documented arguments of detect_drift; what is None is the platform's own."""

    model: Path | None = None
    original_train: Path | None = None
    current_train: Path | None = None
    original_test: Path | None = None
    current_test: Path | None = None

    def given(self, settings: Settings) -> "DriftPaths":
        """The paths that are not the platform's own; the streaming folder's train and test stand for what waits."""
        return DriftPaths(
            model=self.model and _but_for_champion(settings, own_version(settings, self.model)),
            original_train=but_for_own(settings, self.original_train, TRAIN_RATINGS.name),
            current_train=but_for_own(settings, self.current_train, WAITING_TRAIN),
            original_test=but_for_own(settings, self.original_test, TEST_RATINGS.name),
            current_test=but_for_own(settings, self.current_test, WAITING_TEST),
        )


def detect_drift(settings: Settings, paths: DriftPaths, make: Make) -> dict[str, Any]:
    """The drift report of the batches that wait, or of the tables that are given.

    Raises `LakehouseError`, `ModelStoreError`, `ReportError`.
    """
    given = paths.given(settings)
    if given == DriftPaths():
        make(settings, DRIFT, "detect_drift")
        return read_report(settings)
    report = report_on_given(settings, given)
    hand_over(settings, drift_result(report))
    return report


def report_on_given(settings: Settings, paths: DriftPaths) -> dict[str, Any]:
    """The drift report of the given tables; what is not given is the platform's: champion, its data, waiting batches.

    Raises `LakehouseError`, `ModelStoreError`, `ReportError`.
    """
    lakehouse = Lakehouse.open(settings)
    folder = paths.model or Path(find_current_model(settings))
    record = read_record(folder, SERVING_FAMILY)
    versions = {} if paths.original_train and paths.original_test else reference_versions(record, lakehouse)
    train = _reference(paths.original_train, lakehouse, TRAIN_RATINGS.name, versions)
    test = _reference(paths.original_test, lakehouse, TEST_RATINGS.name, versions)
    given = _at(lakehouse, paths.current_train), _at(lakehouse, paths.current_test)
    by_frames = any(table.by_frames for table in (train, test, *given) if table)
    sample = _sample_of(train, *given) if by_frames else EVERYBODY
    model_of = _model_of(folder, by_frames)
    reference = Reference(record.version, model_of, versions, _cells(model_of, (train, test), sample), sample)
    config = reachable(settings.drift)
    batches, scan = _new_ratings(given, lakehouse, reference, config)
    compared = Compared(
        batches, record.version, {str(table.path): table.version for table in (train, test)}, 0, sample.share
    )
    if not scan.starts.end:
        return no_report([Reason.NO_BATCHES], config, compared).document
    return report_on(scan, compared, reference.yardstick(config)).document


def _but_for_champion(settings: Settings, model: Path) -> Path | None:
    store = serving_store(settings)
    champion = store.champion()
    return None if champion and model.resolve() == store.path(champion) else model


@dataclass(frozen=True)
class _Table:
    """Ratings that lie at a path, or at a version of one of the platform's own tables."""

    lakehouse: Lakehouse
    path: Path
    version: int | None = None

    @cached_property
    def by_frames(self) -> bool:
        """Whether Spark alone goes over it."""
        return go_by_frames(self.lakehouse, self.path)

    @property
    def frame(self) -> "DataFrame":
        """All its ratings. Raises `LakehouseError`."""
        if self.version is None:
            return framed_columns_of(self.lakehouse.engine, self.path, RATING_COLUMNS)
        return read_path(self.lakehouse.engine, self.path, self.version)

    def of_sample(self, sample: UserSample) -> "DataFrame":
        """Those of some users."""
        return self.frame if sample == EVERYBODY else self.frame.where(sample.condition())

    def read(self, sample: UserSample) -> Ratings:
        """Those of some users, in memory. Raises `LakehouseError`."""
        if sample != EVERYBODY:
            return Ratings.from_arrow(self.of_sample(sample).select(*RATING_COLUMNS).toArrow())
        if self.version is None:
            return Ratings.from_arrow(columns_of(self.path, RATING_COLUMNS))
        return Ratings.from_arrow(dataset_at(self.path, self.version).to_table(columns=list(RATING_COLUMNS)))


_Sides = tuple[_Table | None, _Table | None]  # of training and of test


def _at(lakehouse: Lakehouse, path: Path | None) -> _Table | None:
    return _Table(lakehouse, path) if path else None


def _reference(path: Path | None, lakehouse: Lakehouse, table: str, versions: dict[str, int | None]) -> _Table:
    """The champion's side of a comparison."""
    return _Table(lakehouse, existing(path)) if path else _Table(lakehouse, lakehouse.path(table), versions[table])


def _sample_of(*tables: _Table | None) -> UserSample:
    """The users that stand for all, of whichever table has the most of them."""
    users = [table.frame.select("user_id").distinct().count() for table in tables if table and table.by_frames]
    return UserSample.of(max(users, default=0))


def _model_of(folder: Path, by_frames: bool) -> ModelOf:
    if by_frames:
        return lambda user_ids: load_users(folder, SERVING_FAMILY, np.unique(user_ids))
    model = load_model(folder, SERVING_FAMILY)
    return lambda _: model


def _cells(model_of: ModelOf, sides: _Sides, sample: UserSample) -> Cells:
    """What two tables hold, of a sample of users but for movies; a side that there is no table for is empty."""
    train, test = sides
    tested = test.read(sample) if test else _NONE
    scored = ScoredRatings.of(model_of(tested.user_id), tested)
    if train is None:
        return cells_of(of_values(RATINGS, _NONE.user_id, _NONE.rating), scored, Occurrences.of(_NONE.movie_id))
    return cells_of(of_frame(RATINGS, train.of_sample(sample)), scored, rated_movies(train.frame))


def _new_ratings(
    given: _Sides, lakehouse: Lakehouse, reference: Reference, config: DriftSettings
) -> tuple[list[str], Scan]:
    """The other side: the batches that wait, in windows, or the tables that are given, which are one window."""
    train, test = given
    if train and test:
        return [], _one_window(_new(reference, given), reference, config)
    arrivals = arrived(waiting(lakehouse))
    batches = [arrival.batch for arrival in arrivals]
    if not (train or test):
        return batches, scan_batches(lakehouse, reference.model_of, arrivals, reference.yardstick(config), Scan())
    waits = batch_cells(lakehouse, reference.model_of, arrivals, 0).compacted(np.zeros(1, np.int64))
    new = _new(reference, given)
    sides = (new, waits) if train else (waits, new)
    return batches, _one_window(Cells(sides[0].train, sides[1].warm, sides[0].movies), reference, config)


def _new(reference: Reference, given: _Sides) -> Cells:
    """What the given tables hold: of all users, where memory suffices for these."""
    return _cells(reference.model_of, given, _sample_of(*given))


def _one_window(cells: Cells, reference: Reference, config: DriftSettings) -> Scan:
    arrival = Arrival("", "", int(cells.train[:, 3].sum()), int(cells.warm[:, 3].sum()))
    return Scan().take([arrival], cells, reference.yardstick(config))
