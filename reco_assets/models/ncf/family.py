"""NCF as a family: its settings, its record, its own data and its days."""

import importlib.util
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reco_assets.features.run import STORE
from reco_assets.models.interface import Family, OwnWay, Trained
from reco_assets.models.limits import Limits
from reco_assets.models.ncf.config import NcfConfig, NcfRecord
from reco_assets.models.ncf.data import held_out, read
from reco_assets.models.ncf.recommender import FOLD_FILE, MOVIES_FILE, TOWER_FILE, USERS_FILE, NcfRecommender
from reco_assets.models.ratings import Ratings
from reco_assets.models.training_data import TrainingData
from resources.errors import RecoError
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.engine import Engine

NO_JAX = "Training the neural model needs JAX, which is not installed here. Add it: make neural."
SUNDAY = 7


class NoJaxError(RecoError):
    """The environment can load and serve a neural model and can't train one."""


def configure(settings: Settings) -> NcfConfig:
    """The hyperparameters that the settings ask for."""
    neural = settings.neural
    return NcfConfig(
        factors=neural.factors,
        learning_rate=neural.learning_rate,
        l2=neural.l2,
        dropout=neural.dropout,
        batch_size=neural.batch_size,
        negatives=neural.negatives,
        max_epochs=neural.max_epochs,
        patience=neural.patience,
        features=neural.features == "on",
        seed=neural.seed,
    )


def fit(train: Ratings, config: NcfConfig, engine: "Engine") -> Trained:
    """Train on ratings alone, without features. Raises `NoRatingsError`, `NoJaxError`."""
    return fit_own(TrainingData(train, {}, "as_given"), config, engine)


def fit_own(data: TrainingData, config: NcfConfig, engine: "Engine") -> Trained:  # noqa: ARG001
    """Train on what `read` brought, on whatever engine: JAX computes. Raises `NoRatingsError`, `NoJaxError`."""
    if lacking := lacks():
        raise NoJaxError(lacking)
    from reco_assets.models.ncf.fitting import trained_model

    return Trained(trained_model(data, config))


def load(folder: Path, record: NcfRecord) -> NcfRecommender:
    """The model of a version's folder."""
    return NcfRecommender.load(folder, record)


def hyperparameters(config: NcfConfig) -> dict[str, Any]:
    """What a version was trained with; features: 1 where they were part of the input."""
    return asdict(config) | {"features": int(config.features)}


def rests(day: date) -> str | None:
    """See `OwnWay`. Once a week is what the pipeline's document asks for."""
    return None if day.isoweekday() == SUNDAY else f"{day:%A}, {day} (UTC): the neural model is trained on Sundays"


def lacks() -> str | None:
    """See `OwnWay`."""
    return None if importlib.util.find_spec("jax") and importlib.util.find_spec("optax") else NO_JAX


def limits(settings: Settings) -> Limits:
    """See `OwnWay`. The documented thresholds, and lists that must be better than popularity's."""
    neural = settings.neural
    return Limits(neural.min_auc, neural.min_ndcg, neural.min_hit_rate, neural.popularity_factor)


NCF = Family(
    name="ncf",
    description="a neural network over factors and features (NeuMF): lists by it, stars by the biases",
    files=(USERS_FILE, MOVIES_FILE, TOWER_FILE, FOLD_FILE),
    record=NcfRecord,
    metrics_file="run_metrics_ncf_{version}.json",
    registered_name=lambda settings: settings.neural.registry_name,
    configure=configure,
    fit=fit,
    load=load,
    hyperparameters=hyperparameters,
    own=OwnWay(made_from=(STORE,), fit=fit_own, read=read, held_out=held_out, limits=limits, rests=rests, lacks=lacks),
)
