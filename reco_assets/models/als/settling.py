"""What a training settles by itself before it starts, on a slice of its ratings: few fits, many cheap choices. Pure.

Each model is fitted to the slice once. What is chosen then needs no fit: which model's scores order movies best, or
both together, and how much popularity is added to them; how far the factors' stars are trusted; the biases' penalties;
what the scores that order movies add to the stars.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse as sp

from reco_assets.models.als import solver
from reco_assets.models.als.config import Liking, Mix, ModelConfig
from reco_assets.models.als.ease import known_movies
from reco_assets.models.als.mixes import Movies, lists_by_mix
from reco_assets.models.als.ranking import fit_ranking
from reco_assets.models.als.solver import ExplicitAls
from reco_assets.models.baselines import BiasOnly, counts_of, likes_of
from reco_assets.models.biases import Penalties, clip, fit_biases, residuals
from reco_assets.models.judging.metrics import Relevant, ranking_by_user
from reco_assets.models.ratings import Ratings, distinct, positions
from reco_assets.models.top_n import Side
from reco_assets.models.trial_slice import Goal, Settled, Slice
from reco_assets.statistics import splitmix64

# Never 0: whom the factors tell nothing gets scores that can't be told from 0, and popular movies by the least weight.
POPULARITY = (0.01, 0.1, 0.3, 1.0, 3.0)
POPULAR = Mix(0.0, 0.0, 1.0)  # popularity alone, which none of the mixes is
SHARES_OF_ALS = (0.5, 1.0)  # of ALS's scores beside EASE's
SHRINKAGES = tuple(np.round(np.arange(0, 1.21, 0.1), 1).tolist())
PENALTIES = tuple(Penalties(user, item) for user, item in product((2.0, 4.0, 8.0, 16.0), (1.0, 2.0, 4.0, 8.0, 16.0)))
ENOUGH_MOVIES = 20  # that EASE knows; with fewer there is nothing to compare
# Of EASE, the most liked: half of those of ml-latest-small choose alike, in a quarter of the time that all take.
TRIED_MOVIES = 800
JUDGED_USERS = 2_000  # at most, drawn by a hash: lists are made for each of 20 mixes
MORE_ITERATIONS = 3  # from factors of another penalty; a whole fit has ten

PAIRS_AT_ONCE = 10_000  # whose vectors are gathered

Found = dict[str, Any]
Pairs = tuple[np.ndarray, np.ndarray]  # positions of n users and of n movies
Score = Callable[[Pairs, Liking], np.ndarray]  # what a liking adds to the stars of n pairs, (n,)


def settle(ratings: Slice, config: ModelConfig, goal: Goal) -> Settled:
    """Choose mix, shrinkage and penalties for a configuration whose other numbers stay.

    What there is nothing to judge by stays as it is.
    """
    listed, lists, score = _settle_lists(ratings, config, goal)
    settled, stars = _settle_stars(ratings, listed, score)
    cut, held_out = goal.cut.strategy.replace("_", " "), len(ratings.held_out)
    line = f"Chosen on {held_out:,} training ratings (cut {cut}): {lists['line']}; {stars['line']}."
    return Settled(settled, {"cut": cut, "held_out": held_out, "lists": lists, "stars": stars, "line": line})


def _settle_stars(ratings: Slice, config: ModelConfig, score: Score | None) -> tuple[ModelConfig, Found]:
    fitted, held = ratings.fitted, ratings.held_out
    users, movies = (positions(*ids) for ids in zip(_sides(fitted), (held.user_id, held.movie_id), strict=True))
    warm = (users >= 0) & (movies >= 0)
    if not warm.any():
        return config, {"line": "stars as the settings say, as there was nothing to judge them by"}
    matrix, stars, pairs = fitted.stars.matrix, held.rating[warm], (users[warm], movies[warm])
    # Some users leave each movie fewer ratings, which ask for more penalty: of 300,000 of 763,000 ratings 0.15 for 0.1.
    reg_params = [config.rating.reg_param, *(config.reg_params if ratings.of_all else ())]
    by_penalties = {each: _bias_only(fitted, each, pairs) for each in (config.penalties, *PENALTIES)}
    off = {each: (clip(found) - stars) ** 2 for each, found in by_penalties.items()}
    penalties = min(off, key=lambda each: off[each].mean())
    if not _less(off[penalties], off[config.penalties]):
        penalties = config.penalties
    alone, as_set = off[penalties], (config.rating, 1.0)
    added = dict(_products(residuals(matrix, fit_biases(matrix, penalties)), config.rating, reg_params, pairs))
    tried = {
        (rating, shrinkage): (clip(by_penalties[penalties] + shrinkage * added[rating]) - stars) ** 2
        for rating in added
        for shrinkage in SHRINKAGES
    }
    rating, shrinkage = best = min(tried, key=lambda each: tried[each].mean())
    if not _less(tried[best], alone):
        rating, shrinkage = best = config.rating, 0.0
    liking, error = _settle_liking(by_penalties[penalties] + shrinkage * added[rating], stars, pairs, score)
    line = (
        f"stars by factors of penalty {rating.reg_param:g} times {shrinkage:g}, {liking.stars:.2g} of the lists' score "
        f"and biases of penalties {penalties.user:g} and {penalties.item:g}, RMSE {_root(error):.4f} (factors as set "
        f"{_root(tried[as_set]):.4f}, no lists' score {_root(tried[best]):.4f}, biases alone {_root(alone):.4f})"
    )
    found = [{"reg_param": at.reg_param, "shrinkage": by, "rmse": _root(each)} for (at, by), each in tried.items()]
    settled = replace(config, rating=rating, penalties=penalties, shrinkage=shrinkage, liking=liking)
    rmse = {"bias_only": _root(alone), "rmse": _root(error)}
    return settled, {**rmse, "liking": asdict(liking), "tried": found, "line": line}


def _settle_liking(
    predicted: np.ndarray, stars: np.ndarray, pairs: Pairs, score: Score | None
) -> tuple[Liking, np.ndarray]:
    """What the lists' score adds to predicted stars (n,), by least squares on what they leave, and the squared errors.

    Nothing where it isn't better by a standard error, or where higher scores would mean fewer stars.
    """
    before = (clip(predicted) - stars) ** 2
    if score is None:
        return Liking(), before
    scores = score(pairs, Liking(1.0))
    above = scores - scores.mean()
    liking = Liking(float(above @ (stars - predicted) / max(above @ above, 1e-9)), float(scores.mean()))
    after = (clip(predicted + score(pairs, liking)) - stars) ** 2
    return (liking, after) if liking.stars > 0 and _less(after, before) else (Liking(), before)


def _less(errors: np.ndarray, others: np.ndarray) -> bool:
    """Whether errors (n,) are less than others on the same pairs by more than a standard error, as of `_steadiest`."""
    gained = others - errors
    return bool(gained.mean() > gained.std() / np.sqrt(len(gained)))


def _root(squared: np.ndarray) -> float:
    return float(np.sqrt(squared.mean()))


def _products(
    left: sp.csr_matrix, config: ExplicitAls, reg_params: Sequence[float], pairs: Pairs
) -> Iterator[tuple[ExplicitAls, np.ndarray]]:
    """What the factors of each penalty add to the stars of n pairs; all but the first go on from those before."""
    factors = None
    for reg_param in reg_params:
        rating = replace(config, reg_param=reg_param)
        short = replace(rating, max_iter=min(rating.max_iter, MORE_ITERATIONS)) if factors else rating
        factors = solver.factorize(left, short, factors)
        yield rating, np.einsum("ij,ij->i", factors[0][pairs[0]], factors[1][pairs[1]])


def _bias_only(fitted: Ratings, penalties: Penalties, pairs: Pairs) -> np.ndarray:
    biases = fit_biases(fitted.stars.matrix, penalties)
    return BiasOnly(*_sides(fitted), biases).unclipped(*pairs)


def _sides(ratings: Ratings) -> tuple[np.ndarray, np.ndarray]:
    return ratings.stars.user_ids, ratings.stars.movie_ids


def _settle_lists(ratings: Slice, config: ModelConfig, goal: Goal) -> tuple[ModelConfig, Found, Score | None]:
    likes = likes_of(ratings.fitted.stars.matrix, config.like_threshold) if len(ratings.fitted) else None
    test = _judged(ratings, config, goal)
    if likes is None or not likes.nnz or not len(test):
        return config, {"line": "lists as the settings say, as there was nothing to judge them by"}, None
    counts, mixes = counts_of(ratings.fitted.stars.matrix), _mixes(likes, config)
    whole = replace(
        config,
        mix=Mix(max(mix.als > 0 for mix in mixes), max(mix.ease > 0 for mix in mixes), 1.0),
        ease=replace(config.ease, max_movies=min(config.ease.max_movies, TRIED_MOVIES)),
    )
    users, items = fit_ranking(likes, counts, whole, solver.factorize)
    relevant, asked = Relevant.of(test, goal.threshold), distinct(test.user_id)
    rows = users[positions(ratings.fitted.stars.user_ids, asked)]
    movies = Movies(ratings.fitted.stars.movie_ids, items)
    lists = lists_by_mix(Side(asked, rows), movies, [*mixes, POPULAR], ratings.fitted, goal.k)
    scores = {mix: ranking_by_user(lists[mix], relevant, goal.k)[1].ndcg for mix in lists}
    popular = float(scores.pop(POPULAR).mean())
    best = _steadiest(scores)
    tried = {mix: float(score.mean()) for mix, score in scores.items()}
    line = f"lists by {_words(best)}, NDCG@{goal.k} {tried[best]:.4f} ({_beside(tried)}popularity {popular:.4f})"
    found = [{**asdict(mix), "ndcg": value} for mix, value in tried.items()]
    weights = items.weights(best)

    def score(pairs: Pairs, liking: Liking) -> np.ndarray:
        parts = np.array_split(np.arange(len(pairs[0])), len(pairs[0]) // PAIRS_AT_ONCE + 1)
        return np.concatenate(
            [liking.added(users[pairs[0][at]] * weights, items.vectors[pairs[1][at]]) for at in parts]
        )

    record = {"users": len(asked), "popularity": popular, "tried": found, "line": line}
    return replace(config, mix=best), record, score


def _steadiest(scores: Mapping[Mix, np.ndarray]) -> Mix:
    """The mix with the best mean over users, or one of more models that can't be told from it.

    That is within a standard error of the difference by user: Breiman et al. (1984), "Classification and Regression
    Trees", section 3.4.3. Of models that are equal on one slice both together are better on the next: on one of
    ml-latest-small EASE has 0.1356 and 0.1968 (per user, random), half of ALS beside it 0.1372 and 0.2024.
    """
    best = max(scores, key=lambda mix: scores[mix].mean())

    def as_good(mix: Mix) -> bool:
        behind = scores[best] - scores[mix]
        return bool(behind.mean() <= behind.std() / np.sqrt(len(behind)))

    together = [mix for mix in scores if mix.als and mix.ease and as_good(mix)]
    return max(together, key=lambda mix: scores[mix].mean(), default=best)


def _judged(ratings: Slice, config: ModelConfig, goal: Goal) -> Ratings:
    """What was held out from some users who liked something before, and have something to find."""
    fitted, held = ratings.fitted, ratings.held_out
    liked = fitted.user_id[fitted.rating >= config.like_threshold]
    users = distinct(held.user_id[(held.rating >= goal.threshold) & np.isin(held.user_id, liked)])
    some = users[np.argsort(splitmix64(users, goal.seed))[:JUDGED_USERS]]
    return held.where(np.isin(held.user_id, some))


def _mixes(likes: sp.csr_matrix, config: ModelConfig) -> list[Mix]:
    """What may order movies; of equal ones the first is taken."""
    bases = {"als": [(1.0, 0.0)], "ease": [(0.0, 1.0)]}
    bases["auto"] = [*bases["als"], *bases["ease"], *((share, 1.0) for share in SHARES_OF_ALS)]
    able = config.model if len(known_movies(likes, config.ease)) >= ENOUGH_MOVIES else "als"
    return [Mix(*base, weight) for base in bases[able] for weight in POPULARITY]


def _words(mix: Mix) -> str:
    parts = {"ALS": mix.als, "EASE": mix.ease, "log-popularity": mix.popularity}
    return " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in parts.items() if weight)


def _beside(tried: Mapping[Mix, float]) -> str:
    """The best of either model by itself, where there is more than one."""
    alone = {"ALS": [mix for mix in tried if not mix.ease], "EASE": [mix for mix in tried if not mix.als]}
    if not all(alone.values()):
        return ""
    return "".join(f"{name} {max(tried[mix] for mix in mixes):.4f}, " for name, mixes in alone.items())
