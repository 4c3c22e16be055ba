"""What one champion answers, of tables as they were at one moment. Nothing of it changes while it serves. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from reco_assets.gold.answers import Entry
from reco_assets.models.interface import Recommender, TopN
from reco_assets.models.ratings import Ratings, positions
from reco_assets.models.top_n import MASKED
from reco_assets.rules.editing import Editing
from reco_assets.rules.lists import recommend, similar_items
from reco_assets.serving.came import Came
from reco_assets.serving.seen import Seen

NOBODY = -1  # the id of who is folded in: nothing is kept of that user, and no rule is for them alone


@dataclass(frozen=True)
class Trend:
    """Movies that people turn to, the best first, by events up to `as_of`; None: there were none."""

    movies: Sequence[tuple[int, float]]
    as_of: datetime | None


@dataclass(frozen=True, eq=False)  # two of them are never the same, and comparing arrays is no question
class Snapshot:
    """A champion's version and model, what users have rated, what those said who came since its training,
    {movie: (title, genres)}, what trends, what lists keep.

    What trends is without what is hidden. Where an experiment runs, the challenger answers its users: ask `of` them.
    """

    version: str
    model: Recommender
    seen: Seen
    came: Came
    titles: Mapping[int, tuple[str, str]]
    trend: Trend
    editing: Editing
    challenger: "Challenger | None" = None

    def of(self, user: int) -> "Snapshot":
        """The snapshot that answers a user."""
        if self.challenger and self.challenger.draws(np.array([user], np.int32))[0]:
            return self.challenger.snapshot
        return self

    def knows_user(self, user: int) -> bool:
        """Whether the champion was trained on ratings of the user, or solved for some that came since."""
        return self.came.holds(user) or bool((positions(self.model.user_ids, np.array([user])) >= 0).all())

    def knows_movies(self, movies: Sequence[int]) -> np.ndarray:
        """Which of the movies the champion was trained on."""
        known: np.ndarray = positions(self.model.movie_ids, np.array(movies)) >= 0
        return known

    def recommended(self, user: int, n: int) -> list[Entry]:
        """The user's best n movies without those the user has rated; for a stranger the popular ones.

        For who came since the training the model is solved anew, as for `for_ratings`.
        """
        own, rated = self.came.of(user), self.seen.of(user)
        model = self.model.fold_in(own) if len(own) else self.model
        users, seen = np.array([user], np.int32), Ratings.concat([rated, own])
        return self._listed(recommend(model, self.editing, users, n, seen))

    def similar(self, movie: int, n: int) -> list[Entry]:
        """The n movies most like one. Raises `KeyError` on one that the champion was not trained on."""
        return self._listed(similar_items(self.model, self.editing, np.array([movie], np.int32), n))

    def for_ratings(self, rated: Sequence[tuple[int, float]], n: int) -> list[Entry]:
        """The best n movies for someone who rated these (movie, stars), without them."""
        movies, stars = (np.array(each) for each in zip(*rated, strict=True))
        ratings = Ratings(np.full(len(rated), NOBODY, np.int32), movies.astype(np.int32), stars.astype(np.float32))
        folded = self.model.fold_in(ratings)
        return self._listed(recommend(folded, self.editing, np.array([NOBODY], np.int32), n, ratings))

    def trending(self, n: int) -> list[Entry]:
        """The n movies that people turn to now."""
        return [self._entry(rank, *found) for rank, found in enumerate(self.trend.movies[:n], 1)]

    def _listed(self, lists: TopN) -> list[Entry]:
        pairs = zip(lists.movie_id[0].tolist(), lists.score[0].tolist(), strict=True)
        return [self._entry(rank, *pair) for rank, pair in enumerate(pairs, 1) if pair[0] != MASKED]

    def _entry(self, rank: int, movie: int, score: float) -> Entry:
        return Entry(rank, movie, *self.titles.get(movie, (f"movie {movie}", "")), score)


@dataclass(frozen=True, eq=False)
class Challenger:
    """Which users (n,) int32 an experiment drew for the challenger, (n,) bool, and what answers them."""

    draws: Callable[[np.ndarray], np.ndarray]
    snapshot: Snapshot
