"""Pure: which of a user's own movies speak for each movie of the user's list, as rows of gold/recommendations_why."""

import numpy as np
import pyarrow as pa

from reco_assets.models.explanation import NO_MOVIE
from reco_assets.models.interface import Recommender, TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED

REASONS = 3  # more are not read, and each adds less
_REASON = pa.struct([("movie_id", pa.int32()), ("share", pa.float32())])


def lists_of(published: pa.Table) -> TopN:
    """The lists in rows of gold/recommendations_als. Their scores aren't needed, and are 0."""
    rows = published["recommendations"].combine_chunks()
    lengths = rows.value_lengths().fill_null(0).to_numpy()
    movies = np.full((len(rows), int(lengths.max(initial=0))), MASKED, np.int32)
    movies[np.arange(movies.shape[1]) < lengths[:, None]] = rows.flatten().field("movie_id").to_numpy()
    return TopN(published["user_id"].to_numpy(), movies, np.zeros(movies.shape, np.float32))


def why_rows(model: Recommender, lists: TopN, learned: Ratings, version: str) -> pa.Table:
    """A row for each movie of each list: user_id, movie_id, because, model_version.

    Args:
        model: Whose lists these are.
        lists: As of `lists_of`.
        learned: The ratings that the model learned from.
        version: The model's.
    """
    reasons, listed = model.reasons(lists, learned, REASONS), lists.movie_id != MASKED
    movies, shares = reasons.movie_id[listed], reasons.share[listed]
    told = movies != NO_MOVIE
    entries = pa.StructArray.from_arrays([pa.array(movies[told]), pa.array(shares[told])], fields=list(_REASON))
    ends = np.concatenate([[0], np.cumsum(told.sum(axis=1))]).astype(np.int32)
    return pa.table(
        {
            "user_id": pa.array(np.repeat(lists.user_id.astype(np.int32), listed.sum(axis=1))),
            "movie_id": pa.array(lists.movie_id[listed]),
            "because": pa.ListArray.from_arrays(pa.array(ends), entries),
            "model_version": pa.repeat(pa.scalar(version), len(movies)),
        }
    )
