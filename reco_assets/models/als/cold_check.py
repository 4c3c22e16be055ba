"""Whether features tell enough of movies without ratings: judged on movies all of whose ratings are hidden. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from reco_assets.models.als import solver
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.new_movies import Rated, expected
from reco_assets.models.als.ranking import fit_ranking
from reco_assets.models.baselines import counts_of, likes_of
from reco_assets.models.catalogue import Catalogue
from reco_assets.models.item_prior import PriorCheck
from reco_assets.models.judging.cold import Estimate, Found, find, mean_of_users, random_ndcg
from reco_assets.models.ratings import Ratings, distinct, positions, rating_matrix
from reco_assets.models.trial_slice import Dated, Goal, some_users
from reco_assets.statistics import splitmix64

HIDDEN = 5  # one of so many movies
CHECKED_ON, JUDGED_USERS = 200_000, 1_000  # ratings and users at most
ENOUGH = 10  # users, and movies that they like, with fewer of which nothing can be told
RANDOM_AUC = 0.5
_UNTOLD = "too few users and movies to tell what features say of movies without training ratings, so none is listed"
_CAN, _CANNOT = "can be listed", "are not listed, as their features rank them no better than chance"


@dataclass(frozen=True)
class Hidden:
    """What of training is left visible, and the ratings of hidden movies."""

    visible: Ratings
    hidden: Ratings


@dataclass(frozen=True)
class _Exam:
    """Users by their vectors (u, width), and what they like and rated of the hidden movies (u, movies)."""

    users: np.ndarray
    liked: sp.csr_matrix
    rated: sp.csr_matrix


def check_prior(train: Ratings, catalogue: Catalogue, config: ModelConfig, goal: Goal) -> PriorCheck:
    """Hide some movies of the training ratings, fit the ranking part to the rest, and rank the hidden ones by features.

    They are ranked for each user who likes some of them. The prior is useful where it ranks them better than chance,
    beyond noise: where the interval of the AUC is above 0.5.
    """
    unrated = int((positions(distinct(train.movie_id), catalogue.movie_ids) < 0).sum())
    facts: dict[str, Any] = {"movies": unrated, "features": catalogue.names()}
    if not unrated:
        why = "every movie has ratings" if len(catalogue.movie_ids) else "nothing but ratings is known of movies"
        return _useless(facts, f"no movies without training ratings are listed: {why}")
    parts = hide(some_users(Dated(train), CHECKED_ON, goal.seed).ratings, catalogue, goal.seed)
    likes = likes_of(parts.visible.stars.matrix, config.like_threshold) if len(parts.visible) else None
    if likes is None or not likes.nnz:
        return _useless(facts, _UNTOLD)
    ids, counts = parts.visible.stars.movie_ids, counts_of(parts.visible.stars.matrix)
    users, ranking = fit_ranking(likes, counts, config, solver.factorize)
    movies = distinct(parts.hidden.movie_id)
    new = expected(Rated(ids, ranking.vectors, counts), catalogue, catalogue.features(unseen=parts.hidden))
    exam = _exam(parts, users, movies, goal)
    if not len(new.ids) or not len(exam.users):
        return _useless(facts, _UNTOLD)
    vectors = new.factors[positions(new.ids, movies)]
    found = find(lambda user: vectors @ exam.users[user], exam.liked, exam.rated, goal.k)
    if min(len(np.unique(found.user)), len(np.unique(found.movie))) < ENOUGH:
        return _useless(facts, _UNTOLD)
    by_genre = _genre_popularity(catalogue, ids, counts, movies)
    popular = find(lambda _: by_genre, exam.liked, exam.rated, goal.k)
    return _told(facts, found, popular, random_ndcg(found, exam.rated, goal.k), goal.k)


def hide(train: Ratings, catalogue: Catalogue, seed: int) -> Hidden:
    """Hide all ratings of one of `HIDDEN` movies, drawn by a hash from those of the catalogue."""
    drawn = splitmix64(train.movie_id, seed) % np.uint64(HIDDEN) == 0
    there = positions(catalogue.movie_ids, train.movie_id) >= 0
    return Hidden(train.where(~drawn), train.where(drawn & there))


def _exam(parts: Hidden, users: np.ndarray, movies: np.ndarray, goal: Goal) -> _Exam:
    """Some of the users who have a vector and like a hidden movie."""
    hidden, known = parts.hidden, parts.visible.stars.user_ids
    ids = distinct(hidden.user_id[hidden.rating >= goal.threshold])
    at = positions(known, ids)
    able = (at >= 0) & users[at].any(axis=1)
    some = np.sort(np.argsort(splitmix64(ids[able], goal.seed), kind="stable")[:JUDGED_USERS])
    stars = rating_matrix(hidden, ids[able][some], movies)
    return _Exam(users[at[able][some]], likes_of(stars, goal.threshold), stars)


def _genre_popularity(catalogue: Catalogue, rated: np.ndarray, counts: np.ndarray, movies: np.ndarray) -> np.ndarray:
    """For each of some movies the mean over its genres of how popular their rated movies are, as log counts."""
    genres = catalogue.genres.ones(len(catalogue.movie_ids)).astype(np.float64)
    at = positions(catalogue.movie_ids, rated)
    popular = np.log1p(counts[at >= 0].astype(np.float64))
    of_genre = genres[at[at >= 0]].T
    means = (of_genre @ popular) / np.maximum(of_genre.sum(axis=1), 1)
    own = genres[positions(catalogue.movie_ids, movies)]
    none = popular.mean() if len(popular) else 0.0
    return np.where(own.any(axis=1), own @ means / np.maximum(own.sum(axis=1), 1), none)


def _useless(facts: dict[str, Any], line: str) -> PriorCheck:
    return PriorCheck(useful=False, record={**facts, "useful": False, "line": f"{line[0].upper()}{line[1:]}."})


def _told(facts: dict[str, Any], found: Found, popular: Found, by_chance: float, k: int) -> PriorCheck:
    auc, ndcg = mean_of_users(found, found.auc), mean_of_users(found, found.ndcg, summed=True)
    gain = mean_of_users(found, found.auc - popular.auc)
    useful = auc.low > RANDOM_AUC
    beside = mean_of_users(popular, popular.auc), mean_of_users(popular, popular.ndcg, summed=True)
    users, movies = len(np.unique(found.user)), len(np.unique(found.movie))
    line = (
        f"{facts['movies']:,} movies without training ratings {_CAN if useful else _CANNOT}: for {users:,} users and "
        f"{movies:,} movies whose ratings were hidden, AUC {_words(auc)} (chance 0.5, popularity of genres "
        f"{beside[0].value:.3f}), NDCG@{k} {ndcg.value:.3f} (chance {by_chance:.3f}, popularity of genres "
        f"{beside[1].value:.3f})."
    )
    record = {
        **facts,
        "useful": useful,
        "users": users,
        "hidden_movies": movies,
        "k": k,
        "auc": asdict(auc),
        "ndcg": asdict(ndcg),
        "chance": {"auc": RANDOM_AUC, "ndcg": by_chance},
        "genre_popularity": {"auc": beside[0].value, "ndcg": beside[1].value},
        "auc_gained_on_genre_popularity": asdict(gain),
        "line": line,
    }
    return PriorCheck(useful=useful, record=record)


def _words(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
