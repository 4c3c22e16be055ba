"""Hyperparameters by trial: an Optuna study for each part of a family, which goes on where a killed run left it.

A study to each, since parts share nothing but the data: stars are judged by warm RMSE, lists by NDCG@k. One objective
for both would need a weight between stars and lists, and would fit both parts to try one.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reco_assets.models.interface import Family, Parameter, SearchPart
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Dated, Goal, held_out_slice
from reco_assets.models.tuning.held_out import Judge, TuningError, judges

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

RANDOM_TRIALS = 5  # before the sampler learns from what it saw


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
    """The best settings of all parts, and what model.json keeps of how they were found."""

    config: Any
    record: dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What is searched: settings near `start`, a family's configuration, whose parts do best by `goal` on ratings."""

    family: Family
    train: Dated
    start: Any
    goal: Goal
    parts: tuple[SearchPart, ...]


@dataclass(frozen=True)
class _Trials:
    """The trials of one part: what is tried, how it is judged, and where its study is kept."""

    part: SearchPart
    judge: Judge
    study: "Study"


def tune(search: Search, study_file: Path, trials: int, report: Callable[[Tried], None]) -> Tuned:
    """Try settings until each part has so many trials on these ratings; those of an earlier or killed run count.

    The settings to start from are tried first, so the best are never worse on the slice. One process at a time may work
    on a study file. Raises `TuningError` when no rating that is held out can be judged, or there is nothing to try.
    """
    if not search.parts:
        raise TuningError("This kind of model has no settings to try. Train on the settings as they are: reco train.")
    ratings = held_out_slice(search.train, search.goal)
    judged_by, studies = judges(ratings, search.goal), fingerprint(search)
    config, found = search.start, {}
    storage = _storage(study_file)
    for part in search.parts:
        judge = judged_by[part.measure]
        study = _open(storage, f"{part.name}-{studies}", judge)
        for tried in _remaining(_Trials(part, judge, study), trials, search, ratings.fitted):
            report(tried)
        config = replace(_with(config, part, study.best_params), **part.found)
        found[part.name] = {
            "metric": judge.metric,
            "trials": len(_completed(study)),
            "start": _completed(study)[0].value,
            "best": study.best_value,
            "params": study.best_params,
        }
    return Tuned(config, {"study": studies, "held_out": len(ratings.held_out), **found})


def _storage(study_file: Path) -> "RDBStorage":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study_file.parent.mkdir(parents=True, exist_ok=True)
    return optuna.storages.RDBStorage(f"sqlite:///{study_file}")


def _open(storage: "RDBStorage", name: str, judge: Judge) -> "Study":
    import optuna

    study = optuna.create_study(storage=storage, study_name=name, direction=judge.direction, load_if_exists=True)
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):  # its process was killed
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _remaining(made: _Trials, trials: int, search: Search, fitted: Ratings) -> Iterator[Tried]:
    import optuna

    study, part, judge = made.study, made.part, made.judge
    start = _values(search.start, part)
    if not _completed(study):
        study.enqueue_trial(start, skip_if_exists=False)
    for done in range(len(_completed(study)), trials):
        # Seeded by what is done, not once: a run that goes on tries what it would have tried without a break.
        study.sampler = optuna.samplers.TPESampler(seed=search.goal.seed + done, n_startup_trials=RANDOM_TRIALS)
        trial = study.ask()
        suggested = {each.name: _suggested(trial, each, start[each.name]) for each in part.parameters}
        value = judge.score(part.fit(fitted, _with(search.start, part, suggested)))
        if not math.isfinite(value):
            raise TuningError(f"The {judge.metric} of {trial.params} is {value}. Start from other settings.")
        study.tell(trial, value)
        yield Tried(part.name, judge.metric, done + 1, trials, trial.params, value, study.best_value)


def _suggested(trial: "Trial", parameter: Parameter, start: float) -> float:
    """A value to try, within the limits, which are widened where the settings lie outside."""
    low, high = min(parameter.low, start), max(parameter.high, start)
    if isinstance(parameter.low, int):
        return trial.suggest_int(parameter.name, int(low), int(high), log=True)
    return trial.suggest_float(parameter.name, low, high, log=True)


def _values(config: Any, part: SearchPart) -> dict[str, Any]:
    """What a configuration says of a part's parameters."""
    settings = getattr(config, part.name)
    return {each.name: getattr(settings, each.name) for each in part.parameters}


def _with(config: Any, part: SearchPart, values: Mapping[str, Any]) -> Any:
    """The same configuration with other values of a part's parameters."""
    return replace(config, **{part.name: replace(getattr(config, part.name), **values)})


def _completed(study: "Study") -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def fingerprint(search: Search) -> str:
    """Names what makes trials comparable: the ratings themselves, where the search starts, and what is sought."""
    asked = json.dumps([search.family.study_key(search.start), asdict(search.goal)], sort_keys=True)
    digest = hashlib.blake2b(asked.encode(), digest_size=8)
    train = search.train
    for column in (train.ratings.user_id, train.ratings.movie_id, train.ratings.rating, train.moment):
        if column is not None:
            digest.update(column.tobytes())
    return digest.hexdigest()
