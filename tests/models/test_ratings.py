"""Ratings as arrays and as a matrix."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models.ratings import Ratings, distinct, positions, rating_matrix


def ratings(*rows: tuple[int, int, float]) -> Ratings:
    users, movies, stars = zip(*rows, strict=True) if rows else ((), (), ())
    return Ratings(np.array(users, np.int32), np.array(movies, np.int32), np.array(stars, np.float32))


@given(ids=st.sets(st.integers(0, 30)), wanted=st.lists(st.integers(-5, 35)))
def test_a_position_is_where_the_id_stands_or_minus_one(ids: set[int], wanted: list[int]) -> None:
    known = sorted(ids)
    expected = [known.index(number) if number in ids else -1 for number in wanted]
    assert positions(np.array(known, np.int32), np.array(wanted, np.int32)).tolist() == expected


@given(ids=st.lists(st.one_of(st.integers(-9, 9), st.integers(-(2**31), 2**31 - 1))))
def test_distinct_ids_are_those_of_numpy(ids: list[int]) -> None:
    found = distinct(np.array(ids, np.int32))
    assert found.dtype == np.int32
    assert found.tolist() == np.unique(np.array(ids, np.int32)).tolist()


@given(rows=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.5, 3.0, 5.0]))))
def test_every_pair_has_its_mean_whatever_the_order_of_the_ratings(rows: list[tuple[int, int, float]]) -> None:
    known = np.array([1, 2, 3])  # and 4 is a stranger
    expected = np.zeros((3, 3), np.float32)
    for user, movie in {(user, movie) for user, movie, _ in rows if 4 not in (user, movie)}:
        expected[user - 1, movie - 1] = np.mean([stars for *pair, stars in rows if pair == [user, movie]])
    matrix = rating_matrix(ratings(*rows), known, known)
    assert matrix.has_canonical_format
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-6)


def test_the_matrix_holds_each_rating_at_its_users_row_and_movies_column() -> None:
    matrix = rating_matrix(ratings((20, 7, 4.5), (10, 9, 2.0)), np.array([10, 20]), np.array([7, 8, 9]))
    assert matrix.dtype == np.float32
    assert matrix.toarray().tolist() == [[0, 0, 2.0], [4.5, 0, 0]]


def test_a_pair_rated_more_than_once_counts_once_with_its_mean() -> None:
    matrix = rating_matrix(ratings((1, 1, 5.0), (1, 2, 3.0), (1, 1, 2.0)), np.array([1]), np.array([1, 2]))
    assert matrix.nnz == 2
    assert matrix.toarray().tolist() == [[3.5, 3.0]]


def test_ids_that_are_not_listed_are_left_out() -> None:
    matrix = rating_matrix(ratings((1, 1, 5.0), (2, 1, 3.0), (1, 9, 1.0)), np.array([1]), np.array([1]))
    assert matrix.toarray().tolist() == [[5.0]]


def test_no_ratings_make_an_empty_matrix_of_the_asked_shape() -> None:
    matrix = rating_matrix(ratings(), np.array([1, 2]), np.array([3]))
    assert (matrix.shape, matrix.nnz) == ((2, 1), 0)


@given(
    rows=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 10)), max_size=20),
    users=st.lists(st.integers(0, 6), max_size=8),
    movies=st.sets(st.integers(0, 6)),
)
def test_the_stars_of_any_users_and_movies_are_those_of_a_matrix_made_for_them(
    rows: list[tuple[int, int, float]], users: list[int], movies: set[int]
) -> None:
    asked, listed = np.array(users, np.int32), np.array(sorted(movies), np.int32)
    every, at = np.unique(asked, return_inverse=True)
    expected = rating_matrix(ratings(*rows), every, listed).toarray()[at]
    np.testing.assert_array_equal(ratings(*rows).stars.of(asked, listed).toarray(), expected)


def test_where_keeps_the_chosen_rows() -> None:
    kept = ratings((1, 1, 5.0), (2, 2, 3.0)).where(np.array([False, True]))
    assert (len(kept), kept.user_id[0], kept.movie_id[0], kept.rating[0]) == (1, 2, 2, 3.0)


def test_a_table_becomes_arrays_of_four_bytes_each() -> None:
    types = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("rating", pa.float32()), ("x", pa.string())])
    rows = {"user_id": [1, 2], "movie_id": [7, 8], "rating": [4.5, 0.5], "x": ["a", "b"]}
    found = Ratings.from_arrow(pa.table(rows, schema=types))
    assert (found.user_id.dtype, found.movie_id.dtype, found.rating.dtype) == (np.int32, np.int32, np.float32)
    assert found.user_id.tolist() == [1, 2]
    assert found.movie_id.tolist() == [7, 8]
    assert found.rating.tolist() == [4.5, 0.5]


def test_parts_are_joined_in_their_order() -> None:
    joined = Ratings.concat([ratings((2, 1, 3.0)), ratings(), ratings((1, 9, 1.0))])
    assert (joined.user_id.tolist(), joined.movie_id.tolist(), joined.rating.tolist()) == ([2, 1], [1, 9], [3.0, 1.0])
