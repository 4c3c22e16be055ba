"""NeuMF in JAX: a product of factors (GMF) and a network over factors and features (MLP), added to one logit.

He, Liao, Zhang, Nie, Hu & Chua (2017), "Neural Collaborative Filtering", section 3.4, equation 12; the movie's features
are further input of the first layer. That layer is written as a sum of a user's and a movie's part, which is the same
as one matrix over all of them joined, and lets a trained network answer from one vector per side.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from reco_assets.models.ncf.batches import Batch
from reco_assets.models.ncf.config import NcfConfig
from reco_assets.models.ncf.lessons import Lessons

Parameters = dict[str, Any]
STEPS_AT_ONCE = 16
FACTORS = ("user_product", "movie_product", "user_factors", "movie_factors")
START = 0.05  # deviation of the factors at first; 0.01, as in the paper, needs some ten epochs to leave the start


def start(lessons: Lessons, config: NcfConfig) -> Parameters:
    """The parameters before training, by the seed: float32 arrays by name."""
    rng = np.random.default_rng(config.seed)
    users, (movies, described), factors = lessons.users, lessons.features.shape, config.factors
    wide, narrow = 2 * factors, factors

    def normal(*shape: int, deviation: float) -> jax.Array:
        return jnp.asarray(rng.normal(scale=deviation, size=shape).astype(np.float32))

    first = float(np.sqrt(2 / (2 * factors + described)))  # He et al. (2015), equation 10
    return {
        "user_product": normal(users, factors, deviation=START),
        "movie_product": normal(movies, factors, deviation=START),
        "user_factors": normal(users, factors, deviation=START),
        "movie_factors": normal(movies, factors, deviation=START),
        "product_out": jnp.ones(factors),
        "first_user": normal(factors, wide, deviation=first),
        "first_movie": normal(factors, wide, deviation=first),
        "first_features": normal(described, wide, deviation=first),
        "first_bias": jnp.zeros(wide),
        "second": normal(wide, narrow, deviation=float(np.sqrt(2 / wide))),
        "second_bias": jnp.zeros(narrow),
        "second_out": normal(narrow, deviation=float(np.sqrt(2 / narrow))),
        "bias": jnp.zeros(()),
    }


@dataclass(frozen=True)
class State:
    """Parameters, and what Adam remembers of earlier steps."""

    parameters: Parameters
    moments: Any


def start_state(lessons: Lessons, config: NcfConfig) -> State:
    """The state before the first step."""
    parameters = start(lessons, config)
    return State(parameters, optax.adam(config.learning_rate).init(parameters))


def leaves_of(state: State) -> list[np.ndarray]:
    """All arrays of a state, always in one order."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves((state.parameters, state.moments))]


def state_of(leaves: list[np.ndarray], like: State) -> State:
    """The state that `leaves_of` took apart; `like` is any state of the same network."""
    structure = jax.tree.structure((like.parameters, like.moments))
    return State(*jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in leaves]))


def plain(parameters: Parameters) -> dict[str, np.ndarray]:
    """The parameters as numpy arrays."""
    return {name: np.asarray(values) for name, values in parameters.items()}


Steps = Callable[[State, Sequence[Batch], int], tuple[State, np.ndarray]]


def stepper(lessons: Lessons, config: NcfConfig) -> Steps:
    """Steps of Adam, one on each of at most `STEPS_AT_ONCE` batches: the state after them, and their losses.

    The number of the first step, counted from the start of the training, seeds what is dropped.
    """
    features, key = jnp.asarray(lessons.features), jax.random.key(config.seed)
    steps = _compiled(config.learning_rate, config.l2, config.dropout)

    def take(state: State, batches: Sequence[Batch], number: int) -> tuple[State, np.ndarray]:
        padded = [*batches, *[batches[0]] * (STEPS_AT_ONCE - len(batches))]  # of one length, so compiled once
        drawn = tuple(np.stack([getattr(batch, name) for batch in padded]) for name in ("user", "movie", "weight"))
        numbers, real = number + np.arange(STEPS_AT_ONCE), np.arange(STEPS_AT_ONCE) < len(batches)
        parameters, moments, losses = steps((state.parameters, state.moments), features, key, (*drawn, numbers, real))
        return State(parameters, moments), np.asarray(losses)[: len(batches)]

    return take


def scorer(lessons: Lessons) -> Callable[[Parameters, np.ndarray, np.ndarray], np.ndarray]:
    """Scores u users' movies by position: parameters, (u,) and (u, c) to (u, c)."""
    features = jnp.asarray(lessons.features)

    @jax.jit
    def score(parameters: Parameters, user: jax.Array, movie: jax.Array) -> jax.Array:
        return _logits(parameters, _sides(parameters, user, movie), features[movie])

    return lambda parameters, user, movie: np.asarray(score(parameters, user, movie))


@lru_cache
def _compiled(learning_rate: float, l2: float, dropout: float) -> Any:
    """Steps one after the other, compiled once for all trainings of a process that share these numbers.

    One call of a step asks the system for 48 MB and gives them back, which takes as long as the step: 1.1 s an epoch of
    100,000 ratings by single calls, 0.5 s by 16 steps a call (2 cores).
    """
    optimiser = optax.adam(learning_rate)

    def step(
        state: tuple[Parameters, Any], features: jax.Array, key: jax.Array, drawn: tuple[jax.Array, ...]
    ) -> tuple[tuple[Parameters, Any], jax.Array]:
        user, movie, weight, number = drawn

        def loss_of(parameters: Parameters) -> jax.Array:
            sides = _sides(parameters, user, movie)
            kept = _without(sides, jax.random.fold_in(key, number), dropout)
            size = sum((factors**2).sum(axis=-1).mean() for factors in sides)
            return _entropy(_logits(parameters, kept, features[movie]), weight) + l2 * size

        parameters, moments = state
        loss, slopes = jax.value_and_grad(loss_of)(parameters)
        change, moments = optimiser.update(slopes, moments, parameters)
        return (optax.apply_updates(parameters, change), moments), loss

    @partial(jax.jit, donate_argnums=0)
    def steps(
        state: tuple[Parameters, Any], features: jax.Array, key: jax.Array, drawn: tuple[jax.Array, ...]
    ) -> tuple[Parameters, Any, jax.Array]:
        def one(
            state: tuple[Parameters, Any], drawn: tuple[jax.Array, ...]
        ) -> tuple[tuple[Parameters, Any], jax.Array]:
            *batch, real = drawn
            taken: tuple[tuple[Parameters, Any], jax.Array] = jax.lax.cond(
                real, lambda: step(state, features, key, tuple(batch)), lambda: (state, jnp.zeros((), jnp.float32))
            )
            return taken

        (parameters, moments), losses = jax.lax.scan(one, state, drawn)
        return parameters, moments, losses

    return steps


def _entropy(logits: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean cross entropy of rated movies, the first of each row, and of drawn ones: He et al., equation 7."""
    entropy = jnp.concatenate([jax.nn.softplus(-logits[:, :1]), jax.nn.softplus(logits[:, 1:])], axis=1)
    return (entropy * weight).sum() / jnp.maximum(weight.sum(), 1.0)


def _sides(parameters: Parameters, user: jax.Array, movie: jax.Array) -> tuple[jax.Array, ...]:
    """The factors of (u,) users, (u, 1, k), and of their (u, c) movies, (u, c, k), in the order of FACTORS."""
    at = user[:, None], movie, user[:, None], movie
    return tuple(parameters[name][where] for name, where in zip(FACTORS, at, strict=True))


def _without(sides: tuple[jax.Array, ...], key: jax.Array, dropout: float) -> tuple[jax.Array, ...]:
    """The factors with a share of them left out, and the others greater by as much."""
    if not dropout:
        return sides
    keys = jax.random.split(key, len(sides))
    kept = (jax.random.bernoulli(each, 1 - dropout, side.shape) for each, side in zip(keys, sides, strict=True))
    return tuple(jnp.where(keep, side / (1 - dropout), 0.0) for keep, side in zip(kept, sides, strict=True))


def _logits(parameters: Parameters, sides: tuple[jax.Array, ...], features: jax.Array) -> jax.Array:
    """Scores (u, c) from factors, and from features (u, c, b) of the movies."""
    user_product, movie_product, user_factors, movie_factors = sides
    users = _times(user_factors, parameters["first_user"]) + parameters["first_bias"]
    movies = _times(movie_factors, parameters["first_movie"]) + _times(features, parameters["first_features"])
    second = jax.nn.relu(_times(jax.nn.relu(users + movies), parameters["second"]) + parameters["second_bias"])
    product = (user_product * movie_product) @ parameters["product_out"]
    return product + second @ parameters["second_out"] + parameters["bias"]


def _times(values: jax.Array, weights: jax.Array) -> jax.Array:
    """(u, c, k) by (k, h) as one product of matrices: its gradient takes 13 ms where that of three axes takes 33."""
    rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])  # k may be 0, so no -1
    return (rows @ weights).reshape(*values.shape[:-1], weights.shape[-1])
