"""What lists of one model have to keep: the rules in force and the settings, put to the model's movies. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reco_assets.models.interface import Family, Recommender
from reco_assets.rules.catalogue import NO_MOVIES, Catalogue
from reco_assets.rules.rule import GREATEST_FACTOR, Draft, Rule
from reco_assets.silver.movies import NO_GENRES
from resources.settings.lists import ListSettings


@dataclass(frozen=True)
class Policy:
    """Rules that are in force, what they know movies by, and the settings of lists."""

    rules: tuple[Rule, ...]
    catalogue: Catalogue
    settings: ListSettings

    @property
    def is_off(self) -> bool:
        """Whether lists are what the model says."""
        shape = self.settings
        return not (self.rules or shape.most_per_genre or shape.least_ratings or shape.diversity)

    def of(self, movie_ids: np.ndarray) -> "Policy":
        """The same, with these movies in its catalogue, in their order."""
        return replace(self, catalogue=self.catalogue.at(movie_ids))

    def hides(self, movie_ids: np.ndarray, user_id: int | None = None) -> np.ndarray:
        """Which movies (m,) rules hide from a user, or for None from everyone: (m,) bool."""
        movies, hidden = self.catalogue.at(movie_ids), np.zeros(len(movie_ids), bool)
        for rule in self.rules:
            if rule.draft.factor is None and rule.draft.user_id in (None, user_id):
                hidden |= movies.named_by(rule.draft)
        return hidden


FREE = Policy((), NO_MOVIES, ListSettings())


@dataclass(frozen=True)
class Caps:
    """Groups that movies may be in, (movies, g) bool, and how many movies of each a list may have, (g,)."""

    groups: np.ndarray
    most: np.ndarray

    def __bool__(self) -> bool:
        return len(self.most) > 0

    @cached_property
    def words(self) -> list[np.ndarray]:
        """The groups of each movie as bits, 64 to a word: for each word (movies,) uint64."""
        return packed(self.groups)


def packed(groups: np.ndarray) -> list[np.ndarray]:
    """Which groups are true of n things, (n, g) bool, as bits: for each 64 of them (n,) uint64."""
    octets = np.packbits(groups, axis=1)
    padded = np.pad(octets, ((0, 0), (0, -octets.shape[1] % 8)))
    return list(np.ascontiguousarray(padded).view(np.uint64).T)


@dataclass(frozen=True)
class Effect:
    """What rules come to for some users: which movies can be listed, and what scores are multiplied by, both (movies,).

    `factor` is 1 for most.
    """

    listable: np.ndarray
    factor: np.ndarray

    def with_rules(self, catalogue: Catalogue, drafts: Iterable[Draft]) -> "Effect":
        """The same after more rules. Factors of one movie are multiplied, to `GREATEST_FACTOR` at most."""
        listable, factor = self.listable.copy(), self.factor.copy()
        for draft in drafts:
            named = catalogue.named_by(draft)
            if draft.factor is None:
                listable[named] = False
            else:
                factor[named] = np.minimum(factor[named] * np.float32(draft.factor), GREATEST_FACTOR)
        return Effect(listable, factor)


@dataclass(frozen=True)
class Editing:
    """A policy put to a model's movies.

    Attributes:
        policy: The rules and settings; its catalogue has the model's movies, in their order.
        rated: How many users rated each movie in the training, (movies,); None where nothing depends on it.
        directions: Vectors of movies, as of `Family.directions`; None where lists needn't be varied.
        new: The policy put to the movies that nobody rated; None where lists have no place for them.
    """

    policy: Policy
    rated: np.ndarray | None = None
    directions: np.ndarray | None = None
    new: "Editing | None" = None

    @property
    def is_off(self) -> bool:
        """Whether lists are what the model says."""
        return self.policy.is_off

    def new_places(self, n: int) -> int:
        """How many places of a list of n are for movies that nobody rated: their share, rounded down."""
        return int(self.policy.settings.new_movies_share * n + 1e-9)  # 0.3 * 10 may be less than 3

    @property
    def reranks(self) -> bool:
        """Whether a movie's place depends on the movies above it."""
        return bool(self.caps) or self.directions is not None

    @cached_property
    def caps(self) -> Caps:
        """The most movies of each genre. That a movie has no genre is none."""
        most = self.policy.settings.most_per_genre
        names = self.policy.catalogue.names if most else ()
        columns = [at for at, name in enumerate(names) if name != NO_GENRES]
        return Caps(self.policy.catalogue.genres[:, columns], np.full(len(columns), most))

    @cached_property
    def everyone(self) -> Effect:
        """What holds for a user without rules of their own."""
        movies = len(self.policy.catalogue.movie_id)
        listable, least = np.ones(movies, bool), self.policy.settings.least_ratings
        if least and self.rated is not None:
            listable &= self.rated >= least
        of_all = (rule.draft for rule in self.policy.rules if rule.draft.user_id is None)
        return Effect(listable, np.ones(movies, np.float32)).with_rules(self.policy.catalogue, of_all)

    @cached_property
    def _own(self) -> dict[int, list[Draft]]:
        own: dict[int, list[Draft]] = {}
        for rule in self.policy.rules:
            if rule.draft.user_id is not None:
                own.setdefault(rule.draft.user_id, []).append(rule.draft)
        return own

    def groups(self, user_id: np.ndarray) -> Iterator[tuple[np.ndarray, Effect]]:
        """Users (u,) in groups for whom the same holds: their rows, and what holds."""
        own = np.fromiter((user in self._own for user in user_id.tolist()), bool, len(user_id))
        if not own.all():
            yield np.flatnonzero(~own), self.everyone
        alike: dict[tuple[object, ...], list[int]] = {}
        for row in np.flatnonzero(own):
            alike.setdefault(_told(self._own[int(user_id[row])]), []).append(int(row))
        for rows in alike.values():
            drafts = self._own[int(user_id[rows[0]])]
            yield np.array(rows), self.everyone.with_rules(self.policy.catalogue, drafts)


def editing_of(policy: Policy, family: Family, model: Recommender) -> Editing:
    """A policy put to the movies of a model of a family."""
    settings, new = policy.settings, model.new_movies
    listed = new if settings.new_movies_share else None
    if policy.is_off and listed is None:
        return Editing(policy)
    counts, vectors = settings.least_ratings and family.users, settings.diversity and family.directions
    popular = family.users.baselines(model).popularity if counts and family.users else None
    return Editing(
        policy.of(model.movie_ids),
        rated=getattr(popular, "item_counts", None),
        directions=family.directions(model) if vectors and family.directions else None,
        new=Editing(policy.of(listed.movie_ids)) if listed else None,
    )


def _told(drafts: Sequence[Draft]) -> tuple[object, ...]:
    """What these rules do, but for whom: the same for users whose lists can be made together."""
    return tuple((draft.subject, draft.value, draft.factor) for draft in drafts)
