"""Whether published lists keep the rules, found from the rows of tables alone and not by what made the lists. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reco_assets.rules.rule import Draft, Rule
from reco_assets.silver.movies import NO_GENRES
from resources.settings.lists import ListSettings

SHOWN = 20
Published = tuple[int | None, Sequence[int]]  # whose list it is, None: anyone's; and its movies


@dataclass(frozen=True)
class Movie:
    """What silver/movies says of a movie; nothing of one that it doesn't have."""

    genres: frozenset[str] = frozenset()
    year: int | None = None

    def is_named_by(self, draft: Draft, movie_id: int) -> bool:
        """Whether a rule is about the movie of this number."""
        if draft.subject == "movie":
            return draft.value == str(movie_id)
        if draft.subject == "year":
            return draft.value == str(self.year)
        return draft.value.casefold() in {genre.casefold() for genre in self.genres}


@dataclass(frozen=True)
class Terms:
    """What lists had to keep.

    Attributes:
        rules: Those in force when the lists were made.
        settings: Of lists.
        movies: What is known of each movie.
        rated: How many users rated each movie in the training; nothing where nothing depends on it.
        new_places: How many movies of a list may be such that nobody rated, however many ratings are asked.
    """

    rules: Sequence[Rule]
    settings: ListSettings
    movies: Mapping[int, Movie]
    rated: Mapping[int, int]
    new_places: int = 0


@dataclass(frozen=True)
class Kept:
    """How many lists were looked at, how many things in them break a rule, and the first of those in words."""

    lists: int
    broken: int
    told: tuple[str, ...]


def kept(published: Iterable[Published], terms: Terms, *, whole: bool = True) -> Kept:
    """Look through lists. `whole` ones are asked for their genres too; others are but parts of a list."""
    hidden = _hidden_by_user(terms)
    lists, broken, told = 0, 0, list[str]()
    for user, movies in published:
        lists += 1
        found = [*_hidden(user, movies, hidden), *_seldom_rated(movies, terms)]
        if whole:
            found += [*_too_many(movies, terms), *_too_many_new(movies, terms)]
        broken += len(found)
        told += [f"{'a list' if user is None else f'user {user}'}: {each}" for each in found][: SHOWN - len(told)]
    return Kept(lists, broken, tuple(told))


def _hidden_by_user(terms: Terms) -> dict[int | None, dict[int, int]]:
    """{user, or None for everyone: {hidden movie: the rule}}."""
    hidden: dict[int | None, dict[int, int]] = {None: {}}
    by_name: dict[tuple[str, str], list[int]] = {}
    for rule in terms.rules:
        draft = rule.draft
        if draft.action == "hide":
            name = draft.subject, draft.value
            if name not in by_name:
                ids = {*terms.movies, int(draft.value)} if draft.subject == "movie" else terms.movies
                by_name[name] = [each for each in ids if terms.movies.get(each, Movie()).is_named_by(draft, each)]
            hidden.setdefault(draft.user_id, {}).update(dict.fromkeys(by_name[name], rule.rule_id))
    return hidden


def _hidden(user: int | None, movies: Sequence[int], hidden: Mapping[int | None, Mapping[int, int]]) -> Iterator[str]:
    for whom in {None, user}:
        rules = hidden.get(whom)
        if rules and not rules.keys().isdisjoint(movies):
            yield from (f"movie {each} is hidden by rule {rules[each]}" for each in movies if each in rules)


def _seldom_rated(movies: Sequence[int], terms: Terms) -> Iterator[str]:
    least = terms.settings.least_ratings
    if least:
        counts = ((each, terms.rated.get(each, 0)) for each in movies if each in terms.rated or not terms.new_places)
        yield from (
            f"movie {each} has {count} ratings, and {least} are asked" for each, count in counts if count < least
        )


def _too_many(movies: Sequence[int], terms: Terms) -> Iterator[str]:
    most = terms.settings.most_per_genre
    if most:
        genres = Counter(genre for each in movies for genre in terms.movies.get(each, Movie()).genres - {NO_GENRES})
        yield from (
            f"{count} movies of {genre}, and {most} are allowed" for genre, count in genres.items() if count > most
        )


def _too_many_new(movies: Sequence[int], terms: Terms) -> Iterator[str]:
    new = sum(each not in terms.rated for each in movies) if terms.new_places else 0
    if new > terms.new_places:
        yield f"{new} movies that nobody rated, and {terms.new_places} are allowed"
