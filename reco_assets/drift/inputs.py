"""What a drift report compares, read from the lakehouse: the champion's own data against the waiting batches'."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reco_assets.drift.assessment import DriftInputs, DriftReport, ScoredRatings, assess, no_report
from reco_assets.drift.histograms import RATINGS, UserHistogram, of_frame, of_values
from reco_assets.drift.policy import DriftConfig, Reason
from reco_assets.drift.reports import ReportError
from reco_assets.drift.signals import Occurrences
from reco_assets.models.assets import read_ratings
from reco_assets.models.ratings import COLUMNS, Ratings
from reco_assets.models.recommender import Recommender
from reco_assets.models.store import model_store
from reco_assets.silver.splits import TEST, TRAIN
from reco_assets.streaming.accepted import waiting_batches
from reco_assets.tables import STREAM_RATINGS, TEST_RATINGS, TRAIN_RATINGS
from resources.lakehouse import Lakehouse
from resources.table_append import batch_rows


@dataclass(frozen=True)
class Reference:
    """A champion with the ratings it was trained and judged on, at the Delta versions it was."""

    champion: str
    model: Recommender
    versions: dict[str, int | None]
    train: UserHistogram
    test: ScoredRatings


def report_on_waiting(lakehouse: Lakehouse) -> DriftReport:
    """Score all waiting batches against the champion's training and test ratings.

    Raises `ReportError` when the champion does not say which versions those are, `LakehouseError` when they are gone.
    """
    config = DriftConfig.from_settings(lakehouse.settings)
    champion = model_store(lakehouse.settings).champion()
    batches = waiting_batches(lakehouse)
    if not batches:
        return no_report(Reason.NO_BATCHES, config, model_version=champion)
    if champion is None:
        return no_report(Reason.NO_CHAMPION, config, batches)
    return assess(drift_inputs(lakehouse, reference_of(lakehouse, champion), batches), config)


def reference_of(lakehouse: Lakehouse, champion: str) -> Reference:
    """Load a champion and its ratings; the engine counts those of training in one job.

    Raises `ReportError`, `LakehouseError`.
    """
    lakehouse.require_delta("drift detection")
    store = model_store(lakehouse.settings)
    versions, model = reference_versions(store.facts(champion), lakehouse), store.load(champion)
    judged_on = read_ratings(lakehouse, TEST_RATINGS.name, versions[TEST_RATINGS.name])
    return Reference(
        champion,
        model,
        versions,
        train=of_frame(RATINGS, lakehouse.read(TRAIN_RATINGS.name, versions[TRAIN_RATINGS.name])),
        test=ScoredRatings.of(model, judged_on),
    )


def drift_inputs(lakehouse: Lakehouse, reference: Reference, batches: tuple[str, ...]) -> DriftInputs:
    """A reference beside batches that were taken in, waiting or not."""
    new = streamed(lakehouse, batches)
    return DriftInputs(
        batches=batches,
        model_version=reference.champion,
        delta_versions=reference.versions | {STREAM_RATINGS.name: lakehouse.version(STREAM_RATINGS.name)},
        reference_train=reference.train,
        current_train=of_values(RATINGS, new.train.user_id, new.train.rating),
        reference_test=reference.test,
        current_test=ScoredRatings.of(reference.model, new.test),
        reference_movies=Occurrences(reference.model.movie_ids, reference.model.item_counts),
        current_movies=Occurrences.of(new.train.movie_id),
    )


@dataclass(frozen=True)
class Streamed:
    """The good rows of batches, by their side of the split."""

    train: Ratings
    test: Ratings


def streamed(lakehouse: Lakehouse, batches: tuple[str, ...]) -> Streamed:
    """The rows of batches that were taken in. Raises `LakehouseError`."""
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, batches, columns=[*COLUMNS, "split"])
    ratings, split = Ratings.from_arrow(rows), np.asarray(rows["split"])
    return Streamed(ratings.where(split == TRAIN), ratings.where(split == TEST))


def reference_versions(facts: dict[str, Any], lakehouse: Lakehouse) -> dict[str, int | None]:
    """The Delta versions that the champion was trained and judged on; a champion never judged: today's test ratings."""
    trained_on = facts["inputs"].get(TRAIN_RATINGS.name)
    if trained_on is None:
        raise ReportError(
            f"Champion {facts['version']} was not trained on a Delta version of {TRAIN_RATINGS.name}, so there is "
            "nothing to compare new ratings with. Train one that is: reco train."
        )
    judged_on = facts.get("metrics", {}).get("inputs", {}).get(TEST_RATINGS.name)
    return {
        TRAIN_RATINGS.name: trained_on,
        TEST_RATINGS.name: lakehouse.version(TEST_RATINGS.name) if judged_on is None else judged_on,
    }
