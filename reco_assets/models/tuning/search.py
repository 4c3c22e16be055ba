"""Hyperparameters by trial: an Optuna study for each part of the model, which goes on where a killed run left it.

Two studies, since the parts share nothing but the data: the rating part by warm RMSE, the ranking part by NDCG@k. One
objective for both would need a weight between stars and lists, and would fit both parts to try one.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from reco_assets.models.als.recommender import AlsRecommender, Factorize, ModelConfig
from reco_assets.models.als.solver import AlsConfig
from reco_assets.models.ratings import Ratings
from reco_assets.models.tuning.held_out import Goal, Part, TuningError, held_out_slice, parts

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

RANDOM_TRIALS = 5  # before the sampler learns from what it saw
RANK, REG_PARAM, ALPHA = (8, 128), (0.003, 1.0), (0.05, 20.0)


@dataclass(frozen=True)
class Tried:
    """One finished trial: of which part, the how many-th of how many, what was tried, its value, the best so far."""

    part: str
    metric: str
    done: int
    of: int
    params: Mapping[str, float]
    value: float
    best: float


@dataclass(frozen=True)
class Tuned:
    """The best settings of both parts, and what model.json keeps of how they were found."""

    config: ModelConfig
    record: dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What is searched: settings near `start` that do best by `goal` on ratings, fitted by the engine's solver."""

    train: Ratings
    start: ModelConfig
    goal: Goal
    factorize: Factorize


def tune(search: Search, study_file: Path, trials: int, report: Callable[[Tried], None]) -> Tuned:
    """Try settings until each part has so many trials on these ratings; those of an earlier or killed run count.

    The settings to start from are tried first, so the best are never worse on the slice. One process at a time may work
    on a study file. Raises `TuningError` when no rating that is held out can be judged.
    """
    ratings = held_out_slice(search.train, search.goal.seed)
    fingerprint = _fingerprint(search)
    config, found = search.start, {}
    storage = _storage(study_file)
    for part in parts(ratings, search.goal):
        study = _open(storage, f"{part.name}-{fingerprint}", part)
        for tried in _remaining(study, part, trials, search, ratings.fitted):
            report(tried)
        config = _with(config, part, replace(_settings(config, part), **study.best_params))
        found[part.name] = {
            "metric": part.metric,
            "trials": len(_completed(study)),
            "start": _completed(study)[0].value,
            "best": study.best_value,
            "params": study.best_params,
        }
    return Tuned(config, {"study": fingerprint, "held_out": len(ratings.held_out), **found})


def _storage(study_file: Path) -> "RDBStorage":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study_file.parent.mkdir(parents=True, exist_ok=True)
    return optuna.storages.RDBStorage(f"sqlite:///{study_file}")


def _open(storage: "RDBStorage", name: str, part: Part) -> "Study":
    import optuna

    study = optuna.create_study(storage=storage, study_name=name, direction=part.direction, load_if_exists=True)
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):  # its process was killed
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _remaining(study: "Study", part: Part, trials: int, search: Search, fitted: Ratings) -> Iterator[Tried]:
    import optuna

    start = _settings(search.start, part)
    if not _completed(study):
        study.enqueue_trial(_params(start), skip_if_exists=False)
    for done in range(len(_completed(study)), trials):
        # Seeded by what is done, not once: a run that goes on tries what it would have tried without a break.
        study.sampler = optuna.samplers.TPESampler(seed=search.goal.seed + done, n_startup_trials=RANDOM_TRIALS)
        trial = study.ask()
        config = _with(search.start, part, _suggested(trial, start))
        value = part.score(AlsRecommender.fit(fitted, config, _only(part, search.factorize)))
        if not math.isfinite(value):
            raise TuningError(f"The {part.metric} of {trial.params} is {value}. Start from other settings.")
        study.tell(trial, value)
        yield Tried(part.name, part.metric, done + 1, trials, trial.params, value, study.best_value)


def _suggested(trial: "Trial", start: AlsConfig) -> AlsConfig:
    """Settings to try. Iterations stay: they cost time, and regularisation does what fewer of them would."""
    chosen = replace(
        start,
        rank=trial.suggest_int("rank", *_around(RANK, start.rank), log=True),
        reg_param=trial.suggest_float("reg_param", *_around(REG_PARAM, start.reg_param), log=True),
    )
    if not start.alpha:
        return chosen
    return replace(chosen, alpha=trial.suggest_float("alpha", *_around(ALPHA, start.alpha), log=True))


def _around(limits: tuple[Any, Any], start: Any) -> tuple[Any, Any]:
    """The limits, widened where the settings lie outside."""
    return min(limits[0], start), max(limits[1], start)


def _params(settings: AlsConfig) -> dict[str, Any]:
    names = ("rank", "reg_param", "alpha") if settings.alpha else ("rank", "reg_param")
    return {name: getattr(settings, name) for name in names}


def _only(part: Part, factorize: Factorize) -> Factorize:
    """Solve this part alone: zeros for the other, which the part's score does not look at."""

    def solve(matrix: sp.csr_matrix, config: AlsConfig) -> tuple[np.ndarray, np.ndarray]:
        if bool(config.alpha) == (part.name == "ranking"):
            return factorize(matrix, config)
        return np.zeros((matrix.shape[0], 1), np.float32), np.zeros((matrix.shape[1], 1), np.float32)

    return solve


def _settings(config: ModelConfig, part: Part) -> AlsConfig:
    return config.rating if part.name == "rating" else config.ranking


def _with(config: ModelConfig, part: Part, settings: AlsConfig) -> ModelConfig:
    return replace(config, rating=settings) if part.name == "rating" else replace(config, ranking=settings)


def _completed(study: "Study") -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _fingerprint(search: Search) -> str:
    """Names what makes trials comparable: the ratings themselves, where the search starts, and what is sought."""
    asked = json.dumps([search.start.as_dict(), asdict(search.goal)], sort_keys=True)
    digest = hashlib.blake2b(asked.encode(), digest_size=8)
    for column in (search.train.user_id, search.train.movie_id, search.train.rating):
        digest.update(column.tobytes())
    return digest.hexdigest()
