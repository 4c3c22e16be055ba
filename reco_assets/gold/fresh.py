"""Pure: lists for users whose ratings wait for a training, by a model that has not learned from these."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.batches.last_values import last_values
from reco_assets.gold.recommendations import Order, user_rows
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.interface import Recommender
from reco_assets.models.ratings import Ratings, distinct
from reco_assets.rules.editing import editing_of
from reco_assets.rules.lists import recommend
from reco_assets.vocabulary import BOTH, KEY, WAITING

NUMBER, LINE, COUNTS = "number", "line", "counts"
RATED = (*KEY, "rating")
SAID = (*RATED, NUMBER, LINE, COUNTS)
COMPARED = 10


def fresh_rows(model: Recommender, said: pa.Table, version: str, order: Order) -> pa.Table:
    """The best movies of each user, the user's side solved anew from all that the user said.

    Args:
        model: The champion; its own users aren't needed.
        said: `SAID`, all ratings of each user: `number` is 0 in history and from 1 on the place of the waiting batch,
            `line` the place in it. Only what `counts` speaks for a movie; the rest is seen and not listed.
        version: The model's.
        order: How long the lists are, when they are made, and what they keep.

    Returns:
        The rows of gold/recommendations_fresh, by user.
    """
    own = what_counts(said)
    folded = model.fold_in(own)
    editing = editing_of(order.policy, SERVING_FAMILY, folded)
    lists = recommend(folded, editing, distinct(own.user_id), order.n, Ratings.from_arrow(said))
    rows = user_rows(lists, version, order)
    before = pac.unique(said.filter(pac.and_(said[COUNTS], pac.equal(said[NUMBER], 0)))["user_id"])
    return rows.append_column("basis", pac.if_else(pac.is_in(rows["user_id"], before), BOTH, WAITING))


def what_counts(said: pa.Table) -> Ratings:
    """What users are solved from: of ratings of one user, movie and time the last, as in a merge."""
    return Ratings.from_arrow(last_values(said.filter(said[COUNTS]), (NUMBER, LINE)))


@dataclass(frozen=True)
class Agreement:
    """How much the lists of users in one table are those in another.

    Attributes:
        users: How many have a list in both.
        own: The mean overlap@10 of their two lists: the share of the first 10 movies of one that are among the first
            10 of the other, whatever their ranks.
        others: The same of each one's list and the next user's other list: what lists have in common anyway. Of one
            user there is no next.
    """

    users: int
    own: float
    others: float | None

    @property
    def holds(self) -> bool:
        """Whether lists agree more with their own users' than with others'."""
        return self.others is None or self.own >= self.others


def agreement(some: pa.Table, others: pa.Table) -> Agreement | None:
    """Compare the lists of users who have one in both tables; None where nobody has."""
    first, second = _firsts(some), _firsts(others)
    users = sorted(first.keys() & second.keys())
    if not users:
        return None
    following = [*users[1:], users[0]]
    own, other = (
        float(np.mean([_overlap(first[user], second[of]) for user, of in zip(users, whose, strict=True)]))
        for whose in (users, following)
    )
    return Agreement(len(users), own, other if len(users) > 1 else None)


def _overlap(some: set[int], others: set[int]) -> float:
    return len(some & others) / max(len(some), len(others))


def _firsts(rows: pa.Table) -> dict[int, set[int]]:
    pairs = zip(rows["user_id"].to_pylist(), rows["recommendations"].to_pylist(), strict=True)
    return {user: {entry["movie_id"] for entry in entries[:COMPARED]} for user, entries in pairs if entries}
