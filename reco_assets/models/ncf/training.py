"""The training of a network: how many epochs serve the validation slice best, then as many on all ratings.

Each epoch ends with a checkpoint. What an epoch draws follows from the seed and its number alone, so a training that
was killed and goes on ends with the very bits of one that was not.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from reco_assets.models.judging.sampled import SampledLists, sampled_metrics
from reco_assets.models.ncf.batches import Draws
from reco_assets.models.ncf.checkpoints import FINAL, SEARCH, Checkpoints, Reached
from reco_assets.models.ncf.config import NcfConfig, Outcome
from reco_assets.models.ncf.course import Course
from reco_assets.models.ncf.lessons import Lessons
from reco_assets.models.ncf.network import (
    STEPS_AT_ONCE,
    Parameters,
    State,
    leaves_of,
    plain,
    scorer,
    start_state,
    state_of,
    stepper,
)

K = 10  # of the lists that the validation slice is judged by
LISTS_AT_ONCE = 4096


@dataclass(frozen=True)
class Epoch:
    """An epoch that is done, of at most `total` in its stage; ndcg: of the validation slice, None when final."""

    stage: str
    number: int
    total: int
    loss: float
    ndcg: float | None = None


@dataclass(frozen=True)
class Learned:
    """The parameters by name, and how the training went."""

    parameters: dict[str, np.ndarray]
    outcome: Outcome


def learn(
    course: Course, config: NcfConfig, checkpoints: Checkpoints | None, report: Callable[[Epoch], None]
) -> Learned:
    """Train, from the last checkpoint on where there is one; `report` is told of each epoch."""
    reached, state = _stand(course, config, checkpoints)

    def keep(now: Reached, then: State) -> None:
        if checkpoints:
            checkpoints.write(now, leaves_of(then))

    if reached.stage == SEARCH:
        go_through, rank = _epochs(course, course.search, config), _ranker(course)
        while reached.epochs < config.max_epochs and reached.epochs - reached.best_epochs < config.patience:
            state, loss = go_through(state, reached.epochs)
            ndcg = rank(state.parameters)
            reached = reached.after(ndcg)
            keep(reached, state)
            report(Epoch(SEARCH, reached.epochs, config.max_epochs, loss, ndcg))
        reached, state = replace(reached, stage=FINAL, epochs=0), start_state(course.final, config)
    go_through = _epochs(course, course.final, config)
    while reached.epochs < reached.best_epochs:
        state, loss = go_through(state, reached.epochs)
        reached = replace(reached, epochs=reached.epochs + 1)
        keep(reached, state)
        report(Epoch(FINAL, reached.epochs, reached.best_epochs, loss))
    found = reached.best_ndcg if course.validation else None
    return Learned(plain(state.parameters), Outcome(reached.best_epochs, found))


def _stand(course: Course, config: NcfConfig, checkpoints: Checkpoints | None) -> tuple[Reached, State]:
    """Where the training goes on, or its start."""
    begun = start_state(course.search, config)
    kept = checkpoints.read() if checkpoints else None
    if kept:
        return kept[0], state_of(kept[1], begun)
    return (Reached(SEARCH) if course.validation else Reached(FINAL, best_epochs=config.max_epochs)), begun


def _epochs(course: Course, lessons: Lessons, config: NcfConfig) -> Callable[[State, int], tuple[State, float]]:
    """What goes through lessons once: from a state and the number of epochs before to the state after, and its loss."""
    size = min(config.batch_size, len(course.final))  # one size, so that both stages share what is compiled
    draws, take_steps = Draws(lessons, size, config.negatives, config.seed), stepper(lessons, config)

    def go_through(state: State, number: int) -> tuple[State, float]:
        batches, losses = draws.epoch(number), list[float]()
        while some := list(islice(batches, STEPS_AT_ONCE)):
            state, lost = take_steps(state, some, number * draws.batches + len(losses))
            losses.extend(lost)
        return state, float(np.mean(losses))

    return go_through


def _ranker(course: Course) -> Callable[[Parameters], float]:
    """What says how well parameters rank the validation slice: NDCG@10, mean over the draws."""
    score = scorer(course.search)

    def ndcg(parameters: Parameters, lists: SampledLists) -> float:
        scores = np.full(lists.movie_id.shape, -np.inf)
        there = lists.movie_id >= 0
        for start in range(0, len(scores), LISTS_AT_ONCE):
            rows = slice(start, start + LISTS_AT_ONCE)
            scores[rows] = score(parameters, lists.user_id[rows], np.maximum(lists.movie_id[rows], 0))
        return sampled_metrics(np.where(there, scores, -np.inf), there, K).ndcg

    return lambda parameters: float(np.mean([ndcg(parameters, lists) for lists in course.validation]))
