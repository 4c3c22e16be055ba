"""`reco train` and `evaluate` with paths: the platform's own versions, or the same training and metrics on folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.given_files.own_paths import ArgumentsError, is_candidate, say_where_parquet_would_be
from reco_assets.given_files.tables import columns_of, existing, framed_columns_of, go_by_frames
from reco_assets.models.baselines import baselines_beside
from reco_assets.models.blocks import Blocks
from reco_assets.models.families import SERVING_FAMILY, assets_of
from reco_assets.models.framed import FramedRatings
from reco_assets.models.inputs import read_ratings
from reco_assets.models.interface import Family
from reco_assets.models.judging.blocks import Frames, judge_frames
from reco_assets.models.judging.evaluation import Exam, protocol_of
from reco_assets.models.judging.leakage import leakage_between
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Inputs, ModelRecord
from reco_assets.models.serving import serving_store
from reco_assets.models.training import train_version, trains_on_frames
from reco_assets.models.training_data import FramedData, TrainingData
from reco_assets.models.versions.files import load_model, read_record
from reco_assets.pipelines.selections import EVALUATION, SERVING, TRAINING
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.make import Make
from reco_assets.runner.run import Outcome
from reco_assets.statistics import pair_number
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import RATING_COLUMNS
from reco_assets.workspace import NEW_MODEL, TEST, TRAIN, but_for_own, own_version
from resources.settings import Settings
from resources.tables.files import dataset_at, table_row_count
from resources.tables.lakehouse import Lakehouse

TRAIN_PATH = "parquet_train_path"
PAIR = ["user_id", "movie_id"]


def train_family(settings: Settings, family: Family, tune: int, force: bool, make: Make) -> Outcome:
    """Train a version of a family that gold does not follow, judge it and deploy it if it is good enough.

    `force`: also on a day on which it is not trained. Raises `ArgumentsError`, `RunFailedError`.
    """
    if tune and family.own:
        raise ArgumentsError(f"--tune has nothing to try for {family.name}")
    config = {f"models__{family.name}_candidate": {"tune": tune, "force": force}}
    return make(settings, assets_of(family), f"train {family.name}", config)


def evaluate_family(settings: Settings, family: Family, make: Make) -> Outcome:
    """Judge what such a family's candidate handed on last, and deploy it if it is good enough."""
    return make(settings, assets_of(family)[1:], f"evaluate {family.name}")


def train(
    settings: Settings, source: Path | None, output: Path | None, tune: int, make: Make
) -> Outcome | Mapping[str, Any]:
    """Train, judge and serve a version of the platform's own; with paths, train alone.

    Args:
        settings: The platform's.
        source: A table to train on; None, or the platform's own, is silver/train_ratings.
        output: The folder of the new version, in which `{timestamp}` stands for its name.
        tune: How many settings to try before.
        make: Makes the assets.

    Returns:
        The outcome of the run; with paths, what was trained and where it lies.

    Raises:
        ArgumentsError: `tune`, and paths that are not the platform's own.
        LakehouseError: There is no such table.
        NameTakenError: The output is there already.
    """
    given = but_for_own(settings, source, TRAIN), but_for_own(settings, output, NEW_MODEL)
    if tune and any(given):
        raise ArgumentsError("--tune works on the platform's own tables alone")
    if any(given):
        return hand_over(settings, _train_on(settings, given[0], output))
    config = {"models__als_candidate": {"tune": tune}}
    if source or output:
        say_where_parquet_would_be(settings, {NEW_MODEL: output})
        return make(settings, TRAINING, "train", config).scalars[TRAINING[0]]
    return make(settings, (*TRAINING, *EVALUATION, *SERVING), "train", config)


def evaluate(settings: Settings, model: Path | None, test: Path | None, make: Make) -> Outcome | Mapping[str, Any]:
    """Judge the version trained last and let gold follow; another model, or other test ratings: its metrics alone.

    Returns the outcome of the run, or the metrics. Raises `ModelStoreError`, `LakehouseError`.
    """
    test, model = but_for_own(settings, test, TEST), model and own_version(settings, model)
    if test or (model and not is_candidate(settings, model)):
        return hand_over(settings, _judge(settings, model, test))
    return make(settings, (*EVALUATION, *SERVING), "evaluate")


def _train_on(settings: Settings, source: Path | None, output: Path | None) -> dict[str, Any]:
    """Train on a Parquet or Delta folder (or the platform's table) into a folder (or the platform's store)."""
    lakehouse = Lakehouse.open(settings)
    train_path = existing(source) if source else lakehouse.path(TRAIN_RATINGS.name)
    data = _training_data(lakehouse, train_path)
    made = train_version(SERVING_FAMILY, lakehouse, data, output=str(output) if output else None)
    return {"model_path": str(made.path), "version": made.version, "train_count": made.record.train_count}


def _training_data(lakehouse: Lakehouse, path: Path) -> TrainingData | FramedData:
    inputs: Inputs = {TRAIN_PATH: _recorded(lakehouse, path)}
    if trains_on_frames(SERVING_FAMILY, lakehouse.engine):
        frame = framed_columns_of(lakehouse.engine, path, RATING_COLUMNS)
        return FramedData(FramedRatings(frame, table_row_count(path)), inputs, "as_given")
    return TrainingData(_ratings(path), inputs, "as_given")


def _judge(settings: Settings, model_path: Path | None, test_path: Path | None) -> dict[str, Any]:
    """Judge a model folder (or the newest version) on a Parquet or Delta folder (or the platform's test table).

    It is judged as it was trained, whatever a baseline stands in for. Movies a user rated in what the model was trained
    on are left out of the lists, as far as that is still there.
    """
    lakehouse, store = Lakehouse.open(settings), serving_store(settings)
    folder = model_path or store.path(store.latest())
    record = read_record(folder, SERVING_FAMILY)
    source = existing(test_path) if test_path else lakehouse.path(TEST_RATINGS.name)
    trained_on = _trained_on(lakehouse, record)
    sections = _in_blocks if go_by_frames(lakehouse, source, trained_on) else _in_memory
    return {
        "model_path": str(folder),
        "test_parquet": str(source),
        **sections(lakehouse, folder, record, source),
        "protocol": _protocol(lakehouse, trained_on, source),
    }


def _protocol(lakehouse: Lakehouse, train: Path, test: Path) -> str:
    """What figures on these test ratings mean, in words."""
    known, tested, of = dataset_at(train), dataset_at(test), f"the ratings of {test}"
    if all(_has_times(side) for side in (known, tested)):
        told = leakage_between(known, tested).told(of)
    else:
        told = f"Judged on {of}, without times: whether they are newer than what was trained on isn't known."
    if not (again := _trained_on_too(lakehouse, train, test)):
        return told
    return f"{told} {again:,} of them are of pairs that it was trained on: errors in stars are better than of others."


def _trained_on_too(lakehouse: Lakehouse, train: Path, test: Path) -> int:
    if go_by_frames(lakehouse, train, test):
        known, tested = (framed_columns_of(lakehouse.engine, path, PAIR) for path in (train, test))
        return tested.join(known, PAIR, "left_semi").count()
    numbers = [pair_number(*(columns_of(path, PAIR)[name].to_numpy() for name in PAIR)) for path in (train, test)]
    return int(np.isin(numbers[1], numbers[0]).sum())


def _has_times(ratings: ds.Dataset) -> bool:
    at = ratings.schema.get_field_index("rating_ts")
    return at >= 0 and bool(pa.types.is_timestamp(ratings.schema.types[at]))


def _in_memory(lakehouse: Lakehouse, folder: Path, record: ModelRecord, source: Path) -> dict[str, Any]:
    """What a model comes to on test ratings: `evaluation`, `ranking` and `baselines`."""
    test, train = _ratings(source), _ratings(_trained_on(lakehouse, record))
    exam = Exam(test, train, protocol_of(lakehouse.settings.judging, record.split))
    model = load_model(folder, SERVING_FAMILY, as_trained=True)
    baselines = baselines_beside(SERVING_FAMILY, model, lambda: _fitted(lakehouse, record, train))
    found, beside = exam.evaluate_beside(model, baselines)
    return {**found.document(), **beside.document()}


def _in_blocks(lakehouse: Lakehouse, folder: Path, record: ModelRecord, source: Path) -> dict[str, Any]:
    """The same by Spark's workers; the baselines are those that the model holds itself."""
    from pyspark.sql import functions as F

    engine, protocol = lakehouse.engine, protocol_of(lakehouse.settings.judging, record.split)
    test = framed_columns_of(engine, source, RATING_COLUMNS).withColumn("streamed", F.lit(False))
    frames = Frames(test, framed_columns_of(engine, _trained_on(lakehouse, record), RATING_COLUMNS))
    opened = [Blocks.at(folder, SERVING_FAMILY, as_trained=True)]
    (found,) = judge_frames(engine, frames, opened, protocol, compared_users=0)
    return {name: section for name, section in found.sections.items() if name != "by_origin"}


def _ratings(path: Path) -> Ratings:
    return Ratings.from_arrow(columns_of(path, RATING_COLUMNS))


def _trained_on(lakehouse: Lakehouse, record: ModelRecord) -> Path:
    path = record.inputs.get(TRAIN_PATH)
    return existing(lakehouse.root / str(path)) if path else lakehouse.path(TRAIN_RATINGS.name)


def _fitted(lakehouse: Lakehouse, record: ModelRecord, train: Ratings) -> Ratings:
    """The ratings that a model was fitted to, where it names a version of the platform's table; else what is there."""
    version = record.delta_version(TRAIN_RATINGS.name)
    return train if version is None else read_ratings(lakehouse, TRAIN_RATINGS.name, version, record.lookback_days)


def _recorded(lakehouse: Lakehouse, path: Path) -> str:
    """A path as a version remembers it: below the lakehouse relative to it, as both are copied and moved together."""
    inside = path.resolve()
    return str(inside.relative_to(lakehouse.root)) if inside.is_relative_to(lakehouse.root) else str(path)
