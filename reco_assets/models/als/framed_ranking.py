"""The ranking vectors of users whose likes are a frame: what `ranking` computes, a batch of users at a time. Pure."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.ease import Ease, fit_ease
from reco_assets.models.als.ranking import with_the_rest
from reco_assets.models.baselines import likes_of
from reco_assets.models.ratings import Ratings, distinct, positions, rating_matrix

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Batches = Iterator[pa.RecordBatch]
REST = "rest"  # the column with what a user's vector has besides the factors of ALS


def ease_of(sample: Ratings, movie_ids: np.ndarray, config: ModelConfig) -> Ease:
    """EASE as some users' ratings teach it, for sorted movies."""
    stars = rating_matrix(sample, distinct(sample.user_id), movie_ids)
    return fit_ease(likes_of(stars, config.like_threshold), config.ease)


def with_rest(users: "DataFrame", movie_ids: np.ndarray, adds: np.ndarray, config: ModelConfig) -> "DataFrame":
    """Users (user_id, bias, liked: a list of movies) with `REST` in the place of `liked`.

    `adds` (movies, rank of EASE): what a like of each of the sorted movies adds, as of `RankingItems`.
    """
    return users.mapInArrow(_rest_of(movie_ids, adds, config), f"user_id int, bias float, {REST} array<float>")


def _rest_of(movie_ids: np.ndarray, adds: np.ndarray, config: ModelConfig) -> Callable[[Batches], Batches]:
    def rest_of(batches: Batches) -> Batches:
        for batch in batches:
            liked = batch["liked"]
            ends = np.concatenate([[0], np.cumsum(liked.value_lengths().to_numpy())])
            columns = positions(movie_ids, liked.flatten().to_numpy())
            likes = sp.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(batch), len(movie_ids)))
            found = with_the_rest([], likes, adds, config.mix)
            rest = pa.ListArray.from_arrays(np.arange(len(found) + 1, dtype=np.int32) * found.shape[1], found.ravel())
            yield pa.record_batch({"user_id": batch["user_id"], "bias": batch["bias"], REST: rest})

    return rest_of
