"""The main job by hand: polars and delta-rs for the tables, implicit for the model; it ends in the same gold tables.

It fits the ranking part alone, as neither library has a model of stars, and judges it by precision at 10. Nothing is
checked, versioned, compared with a champion or remembered.
"""

from datetime import UTC, datetime
from pathlib import Path

import etl_polars
import numpy as np
import polars as pl
import scipy.sparse as sp
from asked import Asked, from_command_line
from clock import stage
from fit_implicit import unfitted
from implicit.als import AlternatingLeastSquares
from implicit.cpu.topk import topk
from threadpoolctl import threadpool_limits


def main() -> None:
    """From a folder's files to recommendations below another folder."""
    asked, (source, lake) = from_command_line(__doc__.splitlines()[0], "source", "lake")
    etl_polars.run(source, lake, asked)
    with threadpool_limits(1, "blas"):
        with stage("train"):
            train = read(lake, "train")
            users, movies = (np.unique(train[name]) for name in ("user_id", "movie_id"))
            likes = matrix(train.filter(pl.col("rating") >= asked.liked_from), users, movies)
            model = unfitted(asked)
            model.fit(likes, show_progress=False)
        with stage("evaluate") as found:
            found["precision"] = precision(model, asked, (train, read(lake, "test")), users, movies)
        with stage("serve") as found:
            found["users"] = serve(model, lake, users, movies, asked.listed)


def read(lake: Path, side: str) -> pl.DataFrame:
    """The ratings of a side."""
    return pl.read_delta(str(lake / "silver" / f"{side}_ratings"), columns=["user_id", "movie_id", "rating"])


def matrix(ratings: pl.DataFrame, users: np.ndarray, movies: np.ndarray) -> sp.csr_matrix:
    """Ones where a known user rated a known movie."""
    columns = [
        (np.minimum(np.searchsorted(ids, ratings[name].to_numpy()), len(ids) - 1), ids, ratings[name].to_numpy())
        for name, ids in (("user_id", users), ("movie_id", movies))
    ]
    known = np.logical_and(*(ids[at] == wanted for at, ids, wanted in columns))
    (rows, *_), (items, *_) = columns
    ones = np.ones(int(known.sum()), np.float32)
    return sp.csr_matrix((ones, (rows[known], items[known])), (len(users), len(movies)))


def precision(
    model: AlternatingLeastSquares,
    asked: Asked,
    sides: tuple[pl.DataFrame, pl.DataFrame],
    users: np.ndarray,
    movies: np.ndarray,
) -> float:
    """The share of relevant test movies in the lists of users who have any."""
    train, test = sides
    relevant = matrix(test.filter(pl.col("rating") >= asked.relevant_from), users, movies)
    judged = np.flatnonzero(np.diff(relevant.indptr))
    found, _ = model.recommend(judged, matrix(train, users, movies)[judged], N=asked.listed)
    listed = sp.csr_matrix(
        (np.ones(found.size, np.float32), found.ravel(), np.arange(0, found.size + 1, asked.listed)),
        (len(judged), len(movies)),
    )
    return float(listed.multiply(relevant[judged]).sum() / found.size)


def serve(model: AlternatingLeastSquares, lake: Path, users: np.ndarray, movies: np.ndarray, listed: int) -> int:
    """Write gold/recommendations_als and gold/similar_movies; returns how many users have a list."""
    rated = pl.concat([read(lake, side) for side in ("train", "test", "future")])
    everyone = np.unique(rated["user_id"])
    at = np.minimum(np.searchsorted(users, everyone), len(users) - 1)
    liking = (users[at] == everyone) & model.user_factors[at].any(axis=1)
    seen = matrix(rated, everyone, movies)
    own = topk(model.item_factors, model.user_factors[at[liking]], listed, filter_query_items=seen[liking])
    popularity = (np.diff(seen.tocsc().indptr) / seen.nnz).astype(np.float32)[:, None]
    popular = topk(popularity, np.ones((int((~liking).sum()), 1), np.float32), listed, filter_query_items=seen[~liking])
    order = np.concatenate([np.flatnonzero(liking), np.flatnonzero(~liking)])
    found, scores = (np.concatenate(both) for both in zip(own, popular, strict=True))
    lists = everyone[order], movies[found], scores
    write(lake / "gold" / "recommendations_als", "user_id", "recommendations", lists)
    alike, nearness = model.similar_items(np.arange(len(movies)), N=listed + 1)
    write(lake / "gold" / "similar_movies", "movie_id", "similar", (movies, movies[alike[:, 1:]], nearness[:, 1:]))
    return len(everyone)


def write(table: Path, key: str, column: str, lists: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Write one list per id: what is listed and with which scores."""
    ids, listed, scores = lists
    rows, length = listed.shape
    flat = pl.DataFrame(
        {
            key: np.repeat(ids, length).astype(np.int32),
            "movie_id_listed": listed.ravel().astype(np.int32),
            "score": scores.ravel().astype(np.float32),
            "rank": np.tile(np.arange(1, length + 1, dtype=np.int32), rows),
        }
    )
    entry = pl.struct(pl.col("movie_id_listed").alias("movie_id"), "score", "rank")
    entries = flat.select(entry.alias("entry"))["entry"].reshape((rows, length)).arr.to_list()
    made = pl.DataFrame({key: ids.astype(np.int32), column: entries}).with_columns(
        pl.lit("by hand").alias("model_version"), pl.lit(datetime.now(UTC)).alias("generated_ts")
    )
    made.write_delta(str(table), mode="overwrite")


if __name__ == "__main__":
    main()
