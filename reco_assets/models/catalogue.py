"""What is known of movies beside their ratings: genres, the decade, tags, as columns of zeros and ones. Pure."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.ratings import Ratings, positions
from reco_assets.silver.movies import NO_GENRES
from reco_assets.statistics import pair_number

MOVIES = pa.schema([("movie_id", pa.int32()), ("genres", pa.list_(pa.string())), ("release_year", pa.int32())])
MOST_GENRES, MOST_TAGS = 64, 200  # the most frequent; MovieLens has 19 genres
TAGGED_MOVIES = 5  # so many a tag must have: of fewer nothing can be learned


@dataclass(frozen=True)
class Marks:
    """What n times was said of a movie: row (n,) of the movie, column (n,) of what was said; `width` columns."""

    row: np.ndarray
    column: np.ndarray
    width: int

    def ones(self, rows: int, kept: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(rows, width) float32: 1 where something was said, of what is kept (n,) bool."""
        ones = np.zeros((rows, self.width), np.float32)
        ones[self.row[kept], self.column[kept]] = 1
        return ones


@dataclass(frozen=True)
class Catalogue:
    """The movies that there are, rated or not.

    Attributes:
        movie_ids: (m,) int32, sorted.
        genres: Of each movie.
        decades: Of each movie whose year is known.
        tags: That people gave to movies, whatever their case.
        taggers: Who gave each of `tags`, (n,) int32.
    """

    movie_ids: np.ndarray
    genres: Marks
    decades: Marks
    tags: Marks
    taggers: np.ndarray

    @classmethod
    def of(cls, movies: pa.Table, tags: pa.Table | None = None) -> "Catalogue":
        """From `MOVIES`, a row for each, and user_id, movie_id and tag of tags."""
        movies = movies.sort_by("movie_id").combine_chunks()
        ids = movies["movie_id"].to_numpy()
        years = movies["release_year"].to_numpy(zero_copy_only=False).astype(np.float64)
        dated = np.flatnonzero(~np.isnan(years))
        decades, column = np.unique(years[dated] // 10, return_inverse=True)
        given, taggers = _tags(tags, ids)
        return cls(ids, _genres(movies["genres"].combine_chunks()), Marks(dated, column, len(decades)), given, taggers)

    def features(self, unseen: Ratings | None = None) -> np.ndarray:
        """What is known of each movie, (m, f) float32.

        A tag is left out where who gave it is the user of one of the `unseen` ratings of the movie: were there no such
        rating yet, nor would there be the tag.
        """
        kept: np.ndarray | slice = slice(None)
        if unseen is not None:
            given = pair_number(self.taggers, self.movie_ids[self.tags.row])
            kept = ~np.isin(given, pair_number(unseen.user_id, unseen.movie_id))
        rows = len(self.movie_ids)
        return np.hstack([self.genres.ones(rows), self.decades.ones(rows), self.tags.ones(rows, kept)])

    def names(self) -> dict[str, int]:
        """How many columns each kind of feature has."""
        return {"genres": self.genres.width, "decades": self.decades.width, "tags": self.tags.width}


def _genres(lists: pa.ListArray) -> Marks:
    lengths = lists.value_lengths().fill_null(0).to_numpy()
    rows, said = np.repeat(np.arange(len(lists)), lengths), lists.flatten()
    named = pac.and_(pac.is_valid(said), pac.not_equal(said, NO_GENRES)).fill_null(False).to_numpy(zero_copy_only=False)
    return _most_frequent(rows[named], said.filter(pa.array(named)), MOST_GENRES, 1)[0]


def _tags(tags: pa.Table | None, ids: np.ndarray) -> tuple[Marks, np.ndarray]:
    if tags is None or not len(tags) or not len(ids):
        return Marks(np.zeros(0, np.int64), np.zeros(0, np.int64), 0), np.zeros(0, np.int32)
    rows, users = positions(ids, tags["movie_id"].to_numpy()), tags["user_id"].to_numpy()
    said = pac.utf8_lower(pac.utf8_trim_whitespace(tags["tag"].combine_chunks().cast(pa.string())))
    known = (rows >= 0) & pac.is_valid(said).to_numpy(zero_copy_only=False)
    marks, kept = _most_frequent(rows[known], said.filter(pa.array(known)), MOST_TAGS, TAGGED_MOVIES)
    return marks, users[known][kept]


def _most_frequent(rows: np.ndarray, said: pa.Array, most: int, least: int) -> tuple[Marks, np.ndarray]:
    """Marks by what is said of most movies, of `least` at least, and which (n,) bool of all that was said is in them.

    Of what is said of equally many movies the first in the alphabet is taken.
    """
    encoded = said.dictionary_encode()
    places = np.argsort(pac.sort_indices(encoded.dictionary).to_numpy())  # in the alphabet
    word = places[encoded.indices.to_numpy()]
    movies = np.bincount(np.unique(rows * len(places) + word) % max(len(places), 1), minlength=len(places))
    taken = np.argsort(-movies, kind="stable")[:most]
    taken = np.sort(taken[movies[taken] >= least])
    column = positions(taken, word)
    kept = column >= 0
    return Marks(rows[kept], column[kept], len(taken)), kept
