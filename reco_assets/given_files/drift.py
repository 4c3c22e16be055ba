"""The streaming verbs on files that are given: the same reader, split, scores and keys as on the platform's tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reco_assets.batches.accepted import waiting
from reco_assets.drift.assessment import Compared, no_report, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of
from reco_assets.drift.histograms import RATINGS, of_frame, of_values
from reco_assets.drift.inputs import arrived, batch_cells, scan_batches
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.policy import Reason, reachable
from reco_assets.drift.reference import Reference, rated_movies, reference_versions
from reco_assets.drift.reports import read_report
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.given_files.tables import columns_of, existing
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import find_current_model, serving_store
from reco_assets.models.versions.files import load_model, read_record
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
    record, model = read_record(folder, SERVING_FAMILY), load_model(folder, SERVING_FAMILY)
    versions = {} if paths.original_train and paths.original_test else reference_versions(record, lakehouse)
    train, train_version = _reference(paths.original_train, lakehouse, TRAIN_RATINGS.name, versions)
    test, test_version = _reference(paths.original_test, lakehouse, TEST_RATINGS.name, versions)
    trained = read_path(lakehouse.engine, train, train_version)
    judged = ScoredRatings.of(model, _ratings(test, test_version))
    cells = cells_of(of_frame(RATINGS, trained), judged, rated_movies(trained))
    reference = Reference(record.version, lambda _: model, versions, cells)
    config = reachable(settings.drift)
    batches, scan = _new_ratings(paths, lakehouse, reference, config)
    compared = Compared(batches, record.version, {str(train): train_version, str(test): test_version})
    if not scan.starts.end:
        return no_report([Reason.NO_BATCHES], config, compared).document
    return report_on(scan, compared, reference.yardstick(config)).document


def _but_for_champion(settings: Settings, model: Path) -> Path | None:
    store = serving_store(settings)
    champion = store.champion()
    return None if champion and model.resolve() == store.path(champion) else model


def _reference(
    path: Path | None, lakehouse: Lakehouse, table: str, versions: dict[str, int | None]
) -> tuple[Path, int | None]:
    """Where the champion's side of a comparison lies, and its Delta version where that is the platform's table."""
    return (existing(path), None) if path else (lakehouse.path(table), versions[table])


def _new_ratings(
    paths: DriftPaths, lakehouse: Lakehouse, reference: Reference, config: DriftSettings
) -> tuple[list[str], Scan]:
    """The other side: the batches that wait, in windows, or the tables that are given, which are one window."""
    if paths.current_train and paths.current_test:
        return [], _one_window(_given(paths, reference), reference, config)
    arrivals = arrived(waiting(lakehouse))
    batches = [arrival.batch for arrival in arrivals]
    if not (paths.current_train or paths.current_test):
        return batches, scan_batches(lakehouse, reference.model_of, arrivals, reference.yardstick(config), Scan())
    waits = batch_cells(lakehouse, reference.model_of, arrivals, 0).compacted(np.zeros(1, np.int64))
    given = _given(paths, reference)
    sides = (given, waits) if paths.current_train else (waits, given)
    return batches, _one_window(Cells(sides[0].train, sides[1].warm, sides[0].movies), reference, config)


def _given(paths: DriftPaths, reference: Reference) -> Cells:
    """What the given tables hold; a side that is not given is empty."""
    train, test = (_ratings(path) if path else _NONE for path in (paths.current_train, paths.current_test))
    rated = of_values(RATINGS, train.user_id, train.rating)
    return cells_of(rated, ScoredRatings.of(reference.model_of(test.user_id), test), Occurrences.of(train.movie_id))


def _one_window(cells: Cells, reference: Reference, config: DriftSettings) -> Scan:
    arrival = Arrival("", "", int(cells.train[:, 3].sum()), int(cells.warm[:, 3].sum()))
    return Scan().take([arrival], cells, reference.yardstick(config))


def _ratings(path: Path, version: int | None = None) -> Ratings:
    """A given table's ratings, or those of a version of the platform's own."""
    if version is None:
        return Ratings.from_arrow(columns_of(path, RATING_COLUMNS))
    return Ratings.from_arrow(dataset_at(path, version).to_table(columns=list(RATING_COLUMNS)))
