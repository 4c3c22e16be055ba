"""ALS as a family: its settings, its record, its engines' solvers, and what tuning may try."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from reco_assets.models.als import solver
from reco_assets.models.als.cold_check import check_prior
from reco_assets.models.als.config import EaseConfig, Mix, ModelConfig
from reco_assets.models.als.mapped import load_mapped, write_mapped
from reco_assets.models.als.new_movies import NEW_FILE, Rated, expected, load_new, save_new, told_apart
from reco_assets.models.als.ranking import Factorize
from reco_assets.models.als.recommender import ITEMS_FILE, USERS_FILE, AlsRecommender
from reco_assets.models.als.settling import settle
from reco_assets.models.als.solver import AlsConfig, ExplicitAls, ImplicitAls
from reco_assets.models.catalogue import Catalogue
from reco_assets.models.framed import FramedRatings
from reco_assets.models.interface import Baselines, Family, Parameter, SearchPart, Trained, UserSide
from reco_assets.models.item_prior import ItemPrior
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import ModelRecord
from reco_assets.models.top_n import Side
from reco_assets.vocabulary import LOWEST_RATING
from resources.files import staged
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.engine import Engine

RANK, REG_PARAM, ALPHA = Parameter("rank", 8, 128), Parameter("reg_param", 0.003, 1.0), Parameter("alpha", 0.05, 20.0)

OTHER_REG_PARAMS = (0.15, 0.2)  # of the rating part, beside the default's 0.1, where ALS_REG_PARAM isn't set


class AlsRecord(ModelRecord):
    """model.json of an ALS model; mean: stars, of the ratings it was trained on."""

    config: ModelConfig
    mean: float


def configure(settings: Settings) -> ModelConfig:
    """The hyperparameters that the settings ask for."""
    als, ranking, seed = settings.als, settings.ranking, settings.training.seed
    return ModelConfig(
        rating=ExplicitAls(als.rank, als.max_iter, als.reg_param, seed),
        ranking=ImplicitAls(ranking.rank, ranking.max_iter, ranking.reg_param, seed, ranking.alpha),
        like_threshold=ranking.like_threshold,
        ease=EaseConfig(settings.ease.reg_param, settings.ease.rank, settings.ease.max_movies),
        model=ranking.model,
        reg_params=() if "reg_param" in als.model_fields_set else OTHER_REG_PARAMS,
        mix=Mix(als=0.0, ease=1.0) if ranking.model == "ease" else Mix(),
    )


def fit(train: Ratings, config: ModelConfig, engine: "Engine") -> Trained:
    """Fit both parts by the engine's solver, in memory. Raises `NoRatingsError`."""
    return Trained(AlsRecommender.fit(train, config, solver_of(engine)))


def fit_frame(train: FramedRatings, config: ModelConfig, engine: "Engine") -> Trained:
    """Fit both parts where the ratings are. Raises `NoRatingsError`."""
    from reco_assets.models.als.framed_fit import fit_framed

    fitted = fit_framed(train, config)
    return Trained(fitted.of_some(), partial(fitted.save, address=engine.path), fitted.count)


def solver_of(engine: "Engine") -> Factorize:
    """What factorises on this engine."""
    if engine.name == "embedded":
        return solver.factorize
    from reco_assets.models.als.mllib import on_matrices

    return on_matrices(engine.session)


def load(folder: Path, record: AlsRecord) -> AlsRecommender:
    """The model of a version's folder."""
    return AlsRecommender.load(folder, record.config, record.mean, record.replaced)


def model_of(folder: Path, record: AlsRecord, users: pa.Table) -> AlsRecommender:
    """See `UserSide`."""
    model = AlsRecommender.of_sides(users, _items(folder), record.config, record.mean, record.replaced)
    return replace(model, new=_new(folder))


def baselines_of(model: AlsRecommender) -> Baselines:
    """See `UserSide`."""
    return Baselines(model.bias_only, model.popularity)


@lru_cache(maxsize=2)  # a champion and its candidate
def _items(folder: Path) -> pa.Table:
    return pq.read_table(folder / ITEMS_FILE).combine_chunks()


@lru_cache(maxsize=2)
def _new(folder: Path) -> Side | None:
    return load_new(folder)


def add_new_movies(trained: Trained, catalogue: Catalogue) -> Trained:
    """See `ItemPrior`."""
    model = trained.model
    assert isinstance(model, AlsRecommender), "the family's own"
    rated = Rated(model.movie_ids, model.ranking_items, model.item_counts)
    new, rest = told_apart(expected(rated, catalogue, catalogue.features())), trained.save
    if not len(new.ids):
        return trained

    def save(folder: Path) -> Mapping[str, Any]:
        save_new(new, folder)
        return rest(folder) if rest else {}

    return replace(trained, model=replace(model, new=new), save=save if rest else None)


def share(folder: Path, record: AlsRecord, arrays: Path) -> AlsRecommender:
    """See `Family.shared`."""
    if not arrays.exists():
        with staged(arrays) as staging:
            write_mapped(folder, staging)
    return load_mapped(arrays, record.config, record.mean, record.replaced)


def hyperparameters(config: ModelConfig) -> dict[str, Any]:
    """What a version was trained with, under the documents' names and our own."""
    rating, ranking = config.rating, config.ranking
    return {
        "rank": rating.rank,
        "max_iter": rating.max_iter,
        "reg_param": rating.reg_param,
        "ranking_rank": ranking.rank,
        "ranking_max_iter": ranking.max_iter,
        "ranking_reg_param": ranking.reg_param,
        "ranking_alpha": ranking.alpha,
        "ranking_like_threshold": config.like_threshold,
        "ease_reg_param": config.ease.reg_param,
        "ease_rank": config.ease.rank,
        "mix_als": config.mix.als,
        "mix_ease": config.mix.ease,
        "mix_popularity": config.mix.popularity,
        "shrinkage": config.shrinkage,
        "stars_by_liking": config.liking.stars,
        "user_penalty": config.penalties.user,
        "item_penalty": config.penalties.item,
    }


def search_space(engine: "Engine") -> tuple[SearchPart, ...]:
    """Both parts. Iterations stay: they cost time, and regularisation does what fewer of them would."""
    return search_parts(solver_of(engine))


def search_parts(factorize: Factorize) -> tuple[SearchPart, ...]:
    """Both parts by a solver; either is fitted alone, with zeros in the place of the other."""

    def rating(train: Ratings, config: ModelConfig) -> AlsRecommender:
        return AlsRecommender.fit(train, config, _only(ExplicitAls, factorize))

    def ranking(train: Ratings, config: ModelConfig) -> AlsRecommender:
        return AlsRecommender.fit(train, config, _only(ImplicitAls, factorize))

    return (
        SearchPart("rating", "rmse", (RANK, REG_PARAM), rating, found={"reg_params": ()}),
        SearchPart("ranking", "ndcg", (RANK, REG_PARAM, ALPHA), ranking),
    )


def fit_ranking(train: Ratings, config: ModelConfig) -> AlsRecommender:
    """The ranking part alone, by the embedded engine's solver, for other families to stand beside.

    Every rating counts as a like, as in the protocol with sampled negatives: with 3.5 stars as the threshold it gets
    NDCG@10 0.534 on ml-latest-small, so 0.560. Raises `NoRatingsError`.
    """
    every = replace(config, like_threshold=LOWEST_RATING)
    return AlsRecommender.fit(train, every, _only(ImplicitAls, solver.factorize))


def _only(kind: type[ExplicitAls] | type[ImplicitAls], factorize: Factorize) -> Factorize:
    def solve(matrix: sp.csr_matrix, config: AlsConfig) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(config, kind):
            return factorize(matrix, config)
        return np.zeros((matrix.shape[0], 1), np.float32), np.zeros((matrix.shape[1], 1), np.float32)

    return solve


ALS = Family(
    name="als",
    description="the rating part (biases + ALS on residuals) and the ranking part (implicit ALS)",
    files=(USERS_FILE, ITEMS_FILE),
    record=AlsRecord,
    metrics_file="run_metrics_{version}.json",
    registered_name=lambda settings: settings.mlflow.registry_name,
    configure=configure,
    fit=fit,
    load=load,
    hyperparameters=hyperparameters,
    replaceable=("lists", "stars"),
    search_space=search_space,
    settle=settle,
    prior=ItemPrior(check_prior, add_new_movies),
    also=(NEW_FILE,),
    users=UserSide(USERS_FILE, model_of, baselines_of, fit_frame),
    shared=share,
    directions=lambda model: model.directions,
)
