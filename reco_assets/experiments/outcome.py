"""What users of an experiment did after they were shown their lists: pure functions of exposures and ratings. Pure.

A unit is a user who came back: who rated anything after the first list of the experiment. The user's outcome is 1 where
a movie of an own list was liked within the window that begins with that first rating, else 0, and is known when the
window is over. Users who never came back have 0 in both arms: `sequence.difference_sequence` says why they needn't be
counted. One primary figure and no other decides: of several, one would be found above noise by chance.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.vocabulary import CHALLENGER, PAIR

SHOWN = ("user_id", "variant", "movies", "shown_ts")
SAID = (*PAIR, "rating", "rating_ts")


@dataclass(frozen=True)
class Outcomes:
    """Users whose window is over, in the order in which they came back, and how many are still in theirs.

    challenger: (n,) bool, whose arm they are in; hit: (n,) float64, 1 where they liked a listed movie, else 0.
    """

    challenger: np.ndarray
    hit: np.ndarray
    open: int

    def __len__(self) -> int:
        return len(self.hit)


NOBODY = Outcomes(np.zeros(0, bool), np.zeros(0), 0)


def after_exposure(said: pa.Table, shown: pa.Table) -> pa.Table:
    """The ratings that users made after their first list, with the time of that.

    Args:
        said: `SAID`, any ratings.
        shown: `SHOWN`, the rows of gold/exposures of one experiment.

    Returns:
        `SAID`, variant, shown_ts; those of users without a list are left out.
    """
    first = shown.group_by("user_id").aggregate([("shown_ts", "min"), ("variant", "min")])
    first = first.rename_columns(["user_id", "shown_ts", "variant"])
    joined = said.select(SAID).join(first, keys="user_id", join_type="inner")
    return joined.filter(pac.greater_equal(joined["rating_ts"], joined["shown_ts"]))


def hits_among(after: pa.Table, shown: pa.Table, liked: float) -> pa.Table:
    """Those ratings after exposure that like a movie which the user had been shown by then."""
    movies = shown["movies"].combine_chunks()
    at = pa.array(np.repeat(np.arange(len(shown)), movies.value_lengths().fill_null(0).to_numpy()))
    rows = pa.table(
        {
            "user_id": shown["user_id"].combine_chunks().take(at),
            "movie_id": movies.flatten(),
            "listed_ts": shown["shown_ts"].combine_chunks().take(at),
        }
    )
    listed = rows.group_by(PAIR).aggregate([("listed_ts", "min")]).rename_columns([*PAIR, "listed_ts"])
    joined = after.filter(pac.greater_equal(after["rating"], liked)).join(listed, keys=PAIR, join_type="inner")
    return joined.filter(pac.greater_equal(joined["rating_ts"], joined["listed_ts"])).select(after.column_names)


def outcomes(after: pa.Table, hits: pa.Table, window: timedelta, as_of: datetime | None) -> Outcomes:
    """The outcome of each user who came back.

    Args:
        after: As of `after_exposure`.
        hits: Those of them that are hits.
        window: How long after the user's first rating what the user rates counts.
        as_of: The time of the newest rating that was taken in: up to it, windows are over. None without a rating.
    """
    if not len(after) or as_of is None:
        return NOBODY
    back = after.group_by("user_id").aggregate([("rating_ts", "min"), ("variant", "min")])
    back = back.rename_columns(["user_id", "back_ts", "variant"])
    back = back.sort_by([("back_ts", "ascending"), ("user_id", "ascending")])
    ends = pac.add(back["back_ts"], pa.scalar(window, pa.duration("us")))
    timed = hits.select(["user_id", "rating_ts"]).join(back.append_column("end", ends), keys="user_id")
    hitters = pac.unique(timed.filter(pac.less_equal(timed["rating_ts"], timed["end"]))["user_id"])
    over = pac.less_equal(ends, pa.scalar(as_of, ends.type))
    done = back.filter(over)
    return Outcomes(
        pac.equal(done["variant"], CHALLENGER).to_numpy(),
        pac.is_in(done["user_id"], hitters).to_numpy().astype(np.float64),
        len(back) - len(done),
    )
