"""What models come to in slices of the test ratings, as sums that add up over blocks of users. Pure.

Beyond accuracy the definitions are those of Microsoft's Recommenders (recommenders/evaluation/python_evaluation.py):
`catalog_coverage`, `novelty` and `diversity`, this one by features of movies, which are their genres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import scipy.sparse as sp

from reco_assets.models.interface import Recommender, TopN
from reco_assets.models.judging.comparison import BASELINE, CANDIDATE, CHAMPION, UserScores
from reco_assets.models.judging.evaluation import Answers, Evaluation, Exam, Judgement, Trial
from reco_assets.models.judging.slicing import Slice, Slicing
from reco_assets.models.judging.tally import DIFFERENCE, FIGURES, LISTED, SPREAD, Key, Tally
from reco_assets.models.ratings import Ratings, distinct, positions
from reco_assets.models.top_n import MASKED


def judge_in_slices(trial: Trial, models: Sequence[Recommender], slicing: Slicing | None) -> list[Judgement]:
    """Judge a candidate, and the champion where there is one; the first judgement has the tally of both and baselines.

    Without a slicing there is none.
    """
    asked = [trial.exam.answers(model) for model in models]
    judged = [trial.mark(answers) for answers in asked]
    if slicing is None:
        return judged
    answers = {**dict(zip((CANDIDATE, CHAMPION), asked, strict=False)), BASELINE: trial.asked.answers}
    return [replace(judged[0], tally=tally(trial.exam, slicing, answers)), *judged[1:]]


def tally(exam: Exam, slicing: Slicing, answers: Mapping[str, Answers]) -> Tally:
    """What models, by their names, said of the test ratings of some users, in each slice that has any."""
    sums: dict[Key, np.ndarray] = {}
    for where, keep in _slices(exam, slicing).items():
        if keep.any():
            part = exam.where(keep)
            found = {name: part.mark(said.where(keep)) for name, said in answers.items()}
            sums |= {(FIGURES, name, *where): _accuracy(one) for name, one in found.items()}
            sums |= {
                (DIFFERENCE, *names, *where): _difference(*(found[name].by_user for name in names))
                for names in permutations(found, 2)
            }
    for name, said in answers.items():
        sums |= _of_lists(name, said.lists, exam.train, slicing)
    return Tally(sums)


def _slices(exam: Exam, slicing: Slicing) -> dict[Slice, np.ndarray]:
    test = exam.test
    of_users = slicing.of_users(_rated(exam.train, test.user_id))
    return of_users | slicing.of_movies(slicing.rows(test.movie_id))


def _rated(train: Ratings, user_id: np.ndarray) -> np.ndarray:
    """How many training ratings each of n users has."""
    users = distinct(train.user_id)
    count = np.bincount(positions(users, train.user_id), minlength=len(users))
    rated: np.ndarray = np.append(count, 0)[positions(users, user_id)]
    return rated


def _accuracy(found: Evaluation) -> np.ndarray:
    users = found.ranking.users
    lists = (found.ranking.ndcg * users, found.ranking.hit_rate * users) if users else (0.0, 0.0)
    errors = found.by_user.squared_error.sum(), found.mae_all * found.test_count
    return np.array([found.test_count, found.predictions_count, *errors, users, *lists])


def _difference(own: UserScores, rival: UserScores) -> np.ndarray:
    of_lists = (own.ndcg - rival.ndcg)[~np.isnan(own.ndcg)]
    return np.concatenate([_moments(of_lists), _moments(own.squared_error - rival.squared_error)])


def _moments(more: np.ndarray) -> np.ndarray:
    return np.array([len(more), more.sum(), (more**2).sum()])


def _of_lists(name: str, lists: TopN, train: Ratings, slicing: Slicing) -> dict[Key, np.ndarray]:
    there, rows = lists.movie_id != MASKED, slicing.rows(lists.movie_id.ravel()).reshape(lists.movie_id.shape)
    distance = _distance(rows, there, slicing)
    sums: dict[Key, np.ndarray] = {}
    for where, keep in slicing.of_users(_rated(train, lists.user_id)).items():
        if keep.any():
            of_lists = distance[keep & ~np.isnan(distance)]
            sums[LISTED, name, *where] = np.bincount(rows[keep][there[keep]], minlength=len(slicing.count))
            sums[SPREAD, name, *where] = np.array([len(of_lists), of_lists.sum()])
    return sums


def _distance(rows: np.ndarray, there: np.ndarray, slicing: Slicing) -> np.ndarray:
    """1 - the mean cosine of the genres of two movies of a list, (u,); NaN of fewer than two movies.

    A movie without a genre is like no other.
    """
    norm = np.sqrt(slicing.of_genre.sum(axis=1))
    unit = slicing.of_genre / np.maximum(norm, 1)[:, None]
    count = there.sum(axis=1)
    entries = (np.ones(count.sum()), rows[there], np.concatenate([[0], np.cumsum(count)]))
    chosen = sp.csr_matrix(entries, shape=(len(rows), len(unit)))
    # The square of the sum of unit vectors is each with each; with itself each is 1, or 0 without a genre.
    alike = ((chosen @ unit) ** 2).sum(axis=1) - chosen @ (norm > 0)
    pairs = count * (count - 1)
    distance: np.ndarray = np.where(pairs > 0, 1 - alike / np.maximum(pairs, 1), np.nan)
    return distance
