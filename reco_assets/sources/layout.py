"""How a source's raw columns map to what the platform calls them, and how its lines are written. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RawForm:
    """How a source writes a line, so that its text can be made again from typed values.

    `fields`: what each field of a line is to the platform, in the order of the file. `whole_stars`: what follows the
    digit of a rating of whole stars, ".0" or nothing.
    """

    fields: tuple[str, ...]
    whole_stars: str = ".0"


@dataclass(frozen=True)
class Columns:
    """A raw table's columns in the order of the file: {name in the source: what it is to the platform}.

    What it is: user_id, movie_id, rating, tag, title, genres, year, and for the time `timestamp` (Unix seconds) or
    `date` (YYYY-MM-DD). `apart`: what stands in a line of its own, not in each row's.
    """

    meaning: Mapping[str, str]
    apart: frozenset[str] = field(default=frozenset())

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the source."""
        return tuple(self.meaning)

    @property
    def fields(self) -> tuple[str, ...]:
        """What they are to the platform."""
        return tuple(self.meaning.values())


@dataclass(frozen=True)
class Layout:
    """The columns of a source's three raw tables."""

    ratings: Columns
    movies: Columns
    tags: Columns

    def __iter__(self) -> Iterator[Columns]:
        yield from (self.ratings, self.movies, self.tags)
