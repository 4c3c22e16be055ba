"""What is known of movies beside ratings, as columns of zeros and ones."""

import numpy as np
import pyarrow as pa

from reco_assets.models.catalogue import MOVIES, Catalogue
from reco_assets.models.ratings import Ratings
from reco_assets.silver.movies import NO_GENRES

ROWS = [
    {"movie_id": 9, "genres": ["Drama"], "release_year": 1999},
    {"movie_id": 1, "genres": ["Comedy", "Drama"], "release_year": 1994},
    {"movie_id": 4, "genres": [NO_GENRES], "release_year": None},
]


def catalogue(rows: list[dict[str, object]] = ROWS, tags: pa.Table | None = None) -> Catalogue:
    return Catalogue.of(pa.Table.from_pylist(rows, MOVIES), tags)


def tags_of(*given: tuple[int, int, str]) -> pa.Table:
    users, movies, words = zip(*given, strict=True)
    ids = {"user_id": pa.array(users, pa.int32()), "movie_id": pa.array(movies, pa.int32())}
    return pa.table({**ids, "tag": pa.array(words).dictionary_encode()})


def test_movies_have_their_genres_and_decade_in_order_of_ids() -> None:
    found = catalogue()
    assert found.movie_ids.tolist() == [1, 4, 9]
    assert found.names() == {"genres": 2, "decades": 1, "tags": 0}
    assert found.features().tolist() == [[1, 1, 1], [0, 0, 0], [0, 1, 1]]


def test_a_tag_of_few_movies_is_none_and_its_case_says_nothing() -> None:
    movies = [{"movie_id": movie, "genres": [], "release_year": None} for movie in range(6)]
    tags = tags_of(*((7, movie, "Space" if movie % 2 else " space") for movie in range(5)), (7, 5, "rare"))
    assert catalogue(movies, tags).features().tolist() == [[1]] * 5 + [[0]]


def test_a_tag_is_left_out_with_the_rating_of_who_gave_it() -> None:
    movies = [{"movie_id": movie, "genres": [], "release_year": None} for movie in range(5)]
    tags = tags_of(*((7, movie, "space") for movie in range(5)), (8, 1, "space"), (7, 99, "space"))
    unseen = Ratings(np.array([7, 7, 3]), np.array([0, 1, 2]), np.ones(3, np.float32))
    assert catalogue(movies, tags).features(unseen).ravel().tolist() == [0, 1, 1, 1, 1]


def test_of_no_movies_nothing_is_known() -> None:
    found = catalogue([], tags_of((1, 1, "space")))
    assert found.features().shape == (0, 0)
