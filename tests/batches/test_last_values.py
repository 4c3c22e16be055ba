"""The last value stands: as a loop over the rows would find it."""

from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.batches.last_values import last_values

ROWS = pa.schema(
    [
        ("user_id", pa.int32()),
        ("movie_id", pa.int32()),
        ("rating_ts", pa.timestamp("us", tz="UTC")),
        ("rating", pa.float32()),
        ("batch", pa.int32()),
        ("line", pa.int64()),
    ]
)
ORDER = ("batch", "line")


def rows_of(found: list[tuple[int, int, int, float, int]]) -> pa.Table:
    """Rows from (user, movie, day, rating, batch), each on a line of its own."""
    rows = [
        (user, movie, datetime(2020, 1, 1 + day, tzinfo=UTC), rating, batch, line)
        for line, (user, movie, day, rating, batch) in enumerate(found)
    ]
    return pa.Table.from_pylist([dict(zip(ROWS.names, row, strict=True)) for row in rows], schema=ROWS)


def tuples(table: pa.Table) -> list[tuple]:
    return sorted(zip(*(column.to_pylist() for column in table.select([*ROWS.names, "replaces"])), strict=True))


def one_by_one(rows: pa.Table) -> list[tuple]:
    standing: dict[tuple, tuple] = {}
    for row in sorted(rows.to_pylist(), key=lambda row: tuple(row[name] for name in ORDER)):
        key = (row["user_id"], row["movie_id"], row["rating_ts"])
        before = standing.get(key)
        if before is None or before[3] != row["rating"]:
            standing[key] = (*row.values(), before is not None)
    return sorted(standing.values())


def test_another_value_replaces_and_the_same_one_changes_nothing() -> None:
    rows = rows_of([(1, 1, 0, 2.0, 0), (1, 1, 0, 5.0, 1), (1, 1, 0, 5.0, 2), (2, 1, 0, 3.0, 0), (2, 1, 0, 3.0, 1)])
    kept = last_values(rows, ORDER).to_pylist()
    assert [(row["user_id"], row["rating"], row["batch"], row["replaces"]) for row in kept] == [
        (1, 5.0, 1, True),
        (2, 3.0, 0, False),
    ]


def test_of_no_rows_none_stands() -> None:
    assert len(last_values(rows_of([]), ORDER)) == 0


RATED = st.tuples(
    st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.sampled_from([1.0, 3.5]), st.integers(0, 3)
)


@given(st.lists(RATED, max_size=30))
def test_tables_are_settled_as_a_loop_would(found: list[tuple[int, int, int, float, int]]) -> None:
    rows = rows_of(found)
    assert tuples(last_values(rows, ORDER)) == one_by_one(rows)
