"""What every family of models brings, beside what every model answers.

Store, tuning, judging, deployment, gold, drift, commands and serving know this alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from reco_assets.models.framed import FramedRatings
from reco_assets.models.item_prior import ItemPrior
from reco_assets.models.limits import Limits
from reco_assets.models.ratings import Ratings
from reco_assets.models.recommender import NewMovies, NoRatingsError, Recommender, TopN
from reco_assets.models.record import Inputs, ModelPart, ModelRecord
from reco_assets.models.training_data import TrainingData
from reco_assets.models.trial_slice import Goal, Settled, Slice
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.engine import Engine
    from resources.tables.lakehouse import Lakehouse

__all__ = [
    "Baselines",
    "Family",
    "HeldOut",
    "Measure",
    "NewMovies",
    "NoRatingsError",
    "OwnWay",
    "Parameter",
    "Recommender",
    "SearchPart",
    "TopN",
    "Trained",
    "UserSide",
]

Measure = Literal["rmse", "ndcg"]


@dataclass(frozen=True)
class Baselines:
    """What a model is held against: the stars of one recommender and the lists of another."""

    bias_only: Recommender
    popularity: Recommender


@dataclass(frozen=True)
class Trained:
    """A new model. Where an engine holds its users, `model` knows a few of `users`, and `save` writes all of it."""

    model: Recommender
    save: Callable[[Path], Mapping[str, Any]] | None = None
    users: int | None = None


@dataclass(frozen=True)
class Parameter:
    """A setting to search on a logarithmic scale between two limits: whole numbers where the limits are."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class SearchPart:
    """One part of a family's settings that is searched by itself.

    Attributes:
        name: The field of the configuration that holds the part's settings, a frozen dataclass.
        measure: How this part is judged.
        parameters: Which fields of the part's settings are tried.
        fit: Makes a model of which `measure` judges this part alone; the others need not be fitted.
        found: Fields of the configuration that are left open no more once the part was searched, and what they become.
    """

    name: str
    measure: Measure
    parameters: tuple[Parameter, ...]
    fit: Callable[[Ratings, Any], Recommender]
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HeldOut:
    """What models of a family are judged on by sampled negatives, and where it came from.

    `known` could be learned from, `ratings` are one of each user; `rivals` fits models to `known`, by their names.
    """

    known: Ratings
    ratings: Ratings
    inputs: Inputs
    rivals: Callable[[Ratings], Mapping[str, Recommender]]


@dataclass(frozen=True)
class OwnWay:
    """What a family does otherwise, where the rest train on silver/train_ratings and are judged on silver/test_ratings.

    Attributes:
        made_from: The assets that it is trained and judged on, keys with slashes.
        fit: Trains as `Family.fit` does, on what `read` brought. Raises `NoRatingsError`.
        read: Reads what a version is trained on: of the inputs that one recorded, or the newest where None is given.
        held_out: Reads what a version is judged on, likewise.
        limits: From which figures on a version may be deployed.
        rests: Why no version is trained on a day (UTC); None where one is.
        lacks: Why this environment can't train; None where it can.
    """

    made_from: tuple[str, ...]
    fit: Callable[[TrainingData, Any, "Engine"], Trained]
    read: Callable[["Lakehouse", Inputs | None], TrainingData]
    held_out: Callable[["Lakehouse", Inputs | None], HeldOut]
    limits: Callable[[Settings], Limits]
    rests: Callable[[date], str | None]
    lacks: Callable[[], str | None]


@dataclass(frozen=True)
class UserSide:
    """What of a version grows with its users, and what is done where they are too many for one machine.

    Attributes:
        file: Its Parquet file, or a folder of such: a row for each user, with user_id.
        model: Makes the model of some rows, from the version's folder and record; the rest of it a process reads once.
        baselines: Brings those that a model holds itself: on Spark they aren't fitted again.
        fit: Trains as `Family.fit` does, on ratings that the engine holds. Raises `NoRatingsError`.
    """

    file: str
    model: Callable[[Path, Any, pa.Table], Recommender]
    baselines: Callable[[Any], Baselines]
    fit: Callable[[FramedRatings, Any, "Engine"], Trained]


@dataclass(frozen=True)
class Family:
    """A kind of model: all that the platform needs to train, keep, judge, tune and serve it.

    A configuration (`Any` below) is a frozen dataclass of the family's own.

    Attributes:
        name: Of its folder in the store and of its assets, such as als.
        description: What a model is made of, as Dagit shows it.
        files: What a version must hold beside model.json; `also`: what it may hold.
        record: What model.json holds.
        metrics_file: The name of a version's run metrics, with `{version}` in it.
        registered_name: Names its experiment and its model in MLflow.
        configure: Makes a configuration of the settings.
        fit: Trains a model by a configuration on an engine. Raises `NoRatingsError`.
        load: Reads what `Recommender.save` wrote, from a version's folder and its record.
        hyperparameters: Makes flat numbers of a configuration, for documents and MLflow.
        replaceable: The parts that a baseline stands in for where it is better. What `load`, `users` and `shared` make
            then answers as bias-only or as popularity for the parts that a record's `replaced` names.
        search_space: Says what tuning may try on an engine.
        settle: Chooses on a slice of the training ratings what a configuration leaves open, before each training; None:
            nothing is left open.
        prior: How movies without ratings come to be listed; None: they don't.
        study_key: Says of a configuration what tells its studies from those that start elsewhere, as plain JSON.
        own: What it does in its own way; None: it is trained and judged as most are.
        users: How a model is made for some users; None: only whole ones can be.
        shared: Loads as `load` does, but of arrays that processes share, which lie in a third folder or are put there,
            by one process at a time; None: servers load it into the memory of each.
        directions: Gives vectors of length 1 that are alike where a model's movies are, (movies, d) float32, zeros for
            one of which nothing is known; None: it has none, and lists can't be made of movies unlike each other.
    """

    name: str
    description: str
    files: tuple[str, ...]
    record: type[ModelRecord]
    metrics_file: str
    registered_name: Callable[[Settings], str]
    configure: Callable[[Settings], Any]
    fit: Callable[[Ratings, Any, "Engine"], Trained]
    load: Callable[[Path, Any], Recommender]
    hyperparameters: Callable[[Any], Mapping[str, Any]]
    replaceable: tuple[ModelPart, ...] = ()
    search_space: Callable[["Engine"], tuple[SearchPart, ...]] = lambda _: ()
    settle: Callable[[Slice, Any, Goal], Settled] | None = None
    prior: ItemPrior[Trained] | None = None
    also: tuple[str, ...] = ()
    study_key: Callable[[Any], Mapping[str, Any]] = asdict
    own: OwnWay | None = None
    users: UserSide | None = None
    shared: Callable[[Path, Any, Path], Recommender] | None = None
    directions: Callable[[Any], np.ndarray] | None = None
