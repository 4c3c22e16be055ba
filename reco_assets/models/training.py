"""How a version comes to be, of whatever family: from ratings, by the settings or by tuning, into a folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reco_assets.models.choosing import Chosen, settled_on, with_catalogue
from reco_assets.models.framed import TRIED_ON
from reco_assets.models.inputs import cut_like, frame_ratings, goal_of, read_catalogue, read_dated, split_of
from reco_assets.models.interface import Family, Trained
from reco_assets.models.judging.document import hyperparameters
from reco_assets.models.record import Annotation, ModelRecord
from reco_assets.models.training_data import FramedData, TrainingData
from reco_assets.models.trial_slice import Dated, Goal, some_users
from reco_assets.models.tuning.run import run_tuning
from reco_assets.models.tuning.search import Search, Tried
from reco_assets.models.versions.files import save_model
from reco_assets.models.versions.store import model_store
from reco_assets.tables import TRAIN_RATINGS
from reco_assets.version import code_version
from resources.cores import usable_cores
from resources.memory import give_back_freed
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from resources.engine import Engine


@dataclass(frozen=True)
class NewVersion:
    """A version that was just trained, of how many users and movies; mlflow_run_id: None where MLflow is away."""

    version: str
    path: Path
    record: ModelRecord
    users: int
    movies: int
    mlflow_run_id: str | None = None


@dataclass(frozen=True)
class Run:
    """The Dagster run that trains a candidate, in how many trials, and who is told of each."""

    run_id: str
    trials: int
    report: Callable[[Tried], None]


def train_candidate(family: Family, lakehouse: Lakehouse, registry: MlflowTracking, run: Run) -> NewVersion:
    """Train on the platform's newest training ratings, into its store and its registry.

    Raises `LakehouseError`, `NoRatingsError`, `TuningError`.
    """

    def tuned(train: Dated, config: Any, goal: Goal) -> Chosen:
        if not run.trials:
            return Chosen(config, {})
        search = Search(family, train, config, goal, family.search_space(lakehouse.engine))
        found = run_tuning(lakehouse, registry, search, run.trials, run.report)
        return Chosen(found.config, {"tuning": found.record})

    data = family.own.read(lakehouse, None) if family.own else _newest(family, lakehouse)
    made = train_version(family, lakehouse, data, tuned, run_id=run.run_id)
    store, shown = model_store(lakehouse.settings, family), hyperparameters(lakehouse.settings, family, made.record)
    run_id = registry.log_run(made.version, shown, {"train_count": made.record.train_count})
    if run_id:
        store.annotate(made.version, Annotation(mlflow_run_id=run_id))
    return replace(made, mlflow_run_id=run_id)


def why_not_trained(family: Family, day: date, *, force: bool) -> str | None:
    """Why no version is trained on a day (UTC), in words; None where one is, as always where that is forced."""
    if family.own is None or force:
        return None
    return family.own.lacks() or family.own.rests(day)


def fit(family: Family, data: TrainingData | FramedData, config: Any, engine: "Engine") -> Trained:
    """Train a model in the family's way. Raises `NoRatingsError`."""
    if isinstance(data, FramedData):
        assert family.users is not None, "ratings are framed for a family that fits them"
        return family.users.fit(data.ratings, config, engine)
    return family.own.fit(data, config, engine) if family.own else family.fit(data.ratings, config, engine)


def training_data(
    family: Family, lakehouse: Lakehouse, version: int | None, lookback_days: int | None
) -> TrainingData | FramedData:
    """A version of the training ratings, all or those of the last days. Raises `LakehouseError`."""
    what, inputs = (TRAIN_RATINGS.name, version, lookback_days), {TRAIN_RATINGS.name: version}
    if trains_on_frames(family, lakehouse.engine):
        return FramedData(frame_ratings(lakehouse, *what), {**inputs}, split_of(lakehouse), lookback_days)
    train = read_dated(lakehouse, *what)
    return TrainingData(train.ratings, {**inputs}, split_of(lakehouse), lookback_days, train.moment)


def _newest(family: Family, lakehouse: Lakehouse) -> TrainingData | FramedData:
    """The newest training ratings, of the days that the settings ask for."""
    version, days = lakehouse.version(TRAIN_RATINGS.name), lakehouse.settings.training.lookback_days
    return training_data(family, lakehouse, version, days)


def _chosen(
    family: Family,
    lakehouse: Lakehouse,
    data: TrainingData | FramedData,
    tune: Callable[[Dated, Any, Goal], Chosen],
) -> Chosen:
    """The configuration to train with: the settings', tuned, with what the family settles by itself."""
    goal = goal_of(lakehouse, cut_like(lakehouse, data.split))
    if isinstance(data, FramedData):
        train = data.ratings.of_some_users(TRIED_ON, goal.seed)
    else:
        train = some_users(Dated(data.ratings, data.moment), TRIED_ON, goal.seed)
    tuned = tune(train, family.configure(lakehouse.settings), goal)
    settled = settled_on(family, train, tuned.config, goal)
    chosen = Chosen(settled.config, {**tuned.record, **settled.record})
    if family.prior is None or TRAIN_RATINGS.name not in data.inputs:  # of other ratings the platform knows no movies
        return chosen
    return with_catalogue(family.prior, chosen, train.ratings, read_catalogue(lakehouse), goal)


def trains_on_frames(family: Family, engine: "Engine") -> bool:
    """Whether a family is fitted where the ratings are: on Spark, of whatever size, so that one size is as another."""
    return family.users is not None and engine.name == "spark"


def train_version(
    family: Family,
    lakehouse: Lakehouse,
    data: TrainingData | FramedData,
    tune: Callable[[Dated, Any, Goal], Chosen] | None = None,
    *,
    output: str | None = None,
    run_id: str = "",
) -> NewVersion:
    """Train a version. Its name is reserved before, and nothing is left of one that fails.

    Args:
        family: What is trained.
        lakehouse: Whose engine, settings and store are used.
        data: What it is trained on.
        tune: Finds a better configuration than the settings' on some ratings, before the family settles the rest.
        output: A folder elsewhere, as of `ModelStore.new_version`.
        run_id: The Dagster run whose candidate it is; empty for a version that no asset will judge.

    Raises:
        NoRatingsError: There is nothing to train on.
        NameTakenError: The folder elsewhere is there already.
    """
    settings = lakehouse.settings
    with model_store(settings, family).new_version(output) as (version, path):
        chosen = _chosen(family, lakehouse, data, tune or (lambda _, config, __: Chosen(config, {})))
        give_back_freed()
        trained = fit(family, data, chosen.config, lakehouse.engine)
        if family.prior and chosen.catalogue:
            trained = family.prior.add(trained, chosen.catalogue)
        facts = {
            "version": version,
            "engine": lakehouse.engine.name,
            "cores": usable_cores(),
            "code_version": code_version(),
            "split": data.split,
            "inputs": data.inputs,
            "train_count": len(data.ratings),
            "lookback_days": data.lookback_days,
            "seed": settings.training.seed,
            **({"dagster_run_id": run_id} if run_id else {}),
            **chosen.record,
        }
        record = save_model(path, family, trained, facts)
    give_back_freed()
    users = len(trained.model.user_ids) if trained.users is None else trained.users
    return NewVersion(version, path, record, users, len(trained.model.movie_ids))
