"""What rules know movies by: genres and release years. Pure."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from reco_assets.models.ratings import positions
from reco_assets.rules.rule import Draft

COLUMNS = ("movie_id", "genres", "release_year")
NO_YEAR = -1


@dataclass(frozen=True)
class Catalogue:
    """Movies, sorted by id unless `at` says otherwise.

    movie_id (m,); year (m,), or `NO_YEAR`; genres (m, g) bool: which of the named ones each has. A movie that isn't in
    silver/movies has neither.
    """

    movie_id: np.ndarray
    year: np.ndarray
    genres: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, movies: pa.Table) -> Self:
        """From the rows of silver/movies, in any order."""
        rows = movies.sort_by("movie_id").combine_chunks()
        lists = rows["genres"].combine_chunks()
        entries = lists.flatten().dictionary_encode()
        of_movie = np.repeat(np.arange(len(rows)), lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
        genres = np.zeros((len(rows), len(entries.dictionary)), bool)
        genres[of_movie, entries.indices.to_numpy(zero_copy_only=False)] = True
        year = rows["release_year"].fill_null(NO_YEAR).to_numpy()
        return cls(rows["movie_id"].to_numpy(), year, genres, tuple(entries.dictionary.to_pylist()))

    def at(self, movie_ids: np.ndarray) -> "Catalogue":
        """The same of some movies, in their order, whether they are known or not."""
        at = positions(self.movie_id, movie_ids)
        known = at >= 0
        genres, year = np.zeros((len(at), len(self.names)), bool), np.full(len(at), NO_YEAR, np.int32)
        genres[known], year[known] = self.genres[at[known]], self.year[at[known]]
        return Catalogue(movie_ids, year, genres, self.names)

    def named_by(self, draft: Draft) -> np.ndarray:
        """Which movies a rule is about: (m,) bool. Genres are told apart by their letters, not by their case."""
        if draft.subject == "movie":
            return np.asarray(self.movie_id == int(draft.value))
        if draft.subject == "year":
            return np.asarray(self.year == int(draft.value))
        columns = [at for at, name in enumerate(self.names) if name.casefold() == draft.value.casefold()]
        return np.asarray(self.genres[:, columns].any(axis=1))


NO_MOVIES = Catalogue(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 0), bool), ())
