"""The fastest plain script that trains NeuMF: `ncf_plain.py interactions.parquet EPOCHS`. See `ncf.py`.

Whole epochs are one compiled loop over arrays; each user's latest rating of 4 stars on is held out, and ranked among 99
movies that its user didn't rate.
"""

import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pyarrow.parquet as pq

FACTORS, NEGATIVES, BATCH, L2, RATE = 32, 8, 2048, 1e-3, 1e-3


def main() -> None:
    """Train, rank, and print what it took."""
    path, epochs = Path(sys.argv[1]), int(sys.argv[2])
    table = pq.read_table(path)
    users, user = np.unique(table["user_id"].to_numpy(), return_inverse=True)
    movies, movie = np.unique(table["movie_id"].to_numpy(), return_inverse=True)
    liked = np.flatnonzero(table["rating"].to_numpy() >= 4)  # by user and time, as the store sorts them
    held = liked[np.append(user[liked][1:] != user[liked][:-1], True)]
    known = np.ones(len(user), bool)
    known[held] = False
    rng = np.random.default_rng(0)
    parameters = start(rng, len(users), len(movies))
    optimiser = optax.adam(RATE)
    state, steps = optimiser.init(parameters), max(known.sum() // BATCH, 1)
    begun = time.perf_counter()
    epoch = compiled(optimiser)
    at = np.flatnonzero(known)
    for _ in range(epochs):
        order = np.resize(rng.permutation(at), steps * BATCH)
        drawn = rng.integers(0, len(movies), (steps * BATCH, NEGATIVES))
        listed = np.concatenate([movie[order][:, None], drawn], axis=1).astype(np.int32)
        parameters, state = epoch(
            parameters, state, user[order].reshape(steps, BATCH).astype(np.int32), listed.reshape(steps, BATCH, -1)
        )
    jax.block_until_ready(parameters)
    trained = time.perf_counter() - begun
    figures = ranked(parameters, user, movie, held, rng)
    print(f"{epochs} epochs of {int(known.sum()):,} ratings in {trained:.1f} s; {figures}")


def start(rng: np.random.Generator, users: int, movies: int) -> dict[str, Any]:
    """Random parameters."""

    def normal(*shape: int) -> jax.Array:
        return jnp.asarray(rng.normal(scale=0.05, size=shape), jnp.float32)

    return {
        "gu": normal(users, FACTORS),
        "gm": normal(movies, FACTORS),
        "mu": normal(users, FACTORS),
        "mm": normal(movies, FACTORS),
        "w1": normal(2 * FACTORS, 2 * FACTORS) * 3,
        "b1": jnp.zeros(2 * FACTORS),
        "w2": normal(2 * FACTORS, FACTORS) * 3,
        "b2": jnp.zeros(FACTORS),
        "w3": normal(FACTORS) * 5,
        "h": jnp.ones(FACTORS),
        "b": jnp.zeros(()),
    }


def logits(p: dict[str, Any], user: jax.Array, movie: jax.Array) -> jax.Array:
    """(u,) and (u, c) to (u, c)."""
    first = (p["mu"][user] @ p["w1"][:FACTORS])[:, None] + p["mm"][movie] @ p["w1"][FACTORS:] + p["b1"]
    second = jax.nn.relu(jax.nn.relu(first) @ p["w2"] + p["b2"])
    return (p["gu"][user][:, None] * p["gm"][movie]) @ p["h"] + second @ p["w3"] + p["b"]


def compiled(optimiser: Any) -> Any:
    """One epoch: parameters, state, (steps, B) users and (steps, B, c) movies to parameters and state."""

    def loss(p: dict[str, Any], user: jax.Array, movie: jax.Array) -> jax.Array:
        found = logits(p, user, movie)
        entropy = (jax.nn.softplus(-found[:, 0]).sum() + jax.nn.softplus(found[:, 1:]).sum()) / found.size
        size = sum(
            (p[name][at] ** 2).sum(-1).mean()
            for name, at in zip(("gu", "mu", "gm", "mm"), (user, user, movie, movie), strict=True)
        )
        return entropy + L2 * size

    @jax.jit
    def epoch(p: Any, state: Any, users: jax.Array, movies: jax.Array) -> Any:
        def step(carry: Any, batch: Any) -> Any:
            slopes = jax.grad(loss)(carry[0], *batch)
            change, moments = optimiser.update(slopes, carry[1], carry[0])
            return (optax.apply_updates(carry[0], change), moments), None

        return jax.lax.scan(step, (p, state), (users, movies))[0]

    return epoch


def ranked(p: dict[str, Any], user: np.ndarray, movie: np.ndarray, held: np.ndarray, rng: np.random.Generator) -> str:
    """NDCG@10 and hit rate@10 of the held-out movies."""
    ndcg, hits = [], []
    order = np.argsort(user, kind="stable")
    bounds = np.searchsorted(user[order], np.arange(user.max() + 2))
    every = np.arange(movie.max() + 1)
    score = jax.jit(logits)
    for row in held:
        rated = movie[order[bounds[user[row]] : bounds[user[row] + 1]]]
        drawn = rng.choice(np.setdiff1d(every, rated), 99, replace=False)
        found = np.asarray(score(p, user[[row]].astype(np.int32), np.append(movie[row], drawn)[None].astype(np.int32)))[
            0
        ]
        place = int((found[1:] > found[0]).sum())
        ndcg.append(1 / np.log2(place + 2) if place < 10 else 0.0)
        hits.append(place < 10)
    return f"NDCG@10 {np.mean(ndcg):.4f}, hit rate@10 {np.mean(hits):.4f}"


if __name__ == "__main__":
    main()
