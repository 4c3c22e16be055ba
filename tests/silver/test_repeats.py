"""Rows of one key, whatever its columns hold, are found by their hashes, and the last of them is kept."""

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.silver.repeats import may_repeat, settle

SMALL = st.integers(0, 2)
KEYS = st.tuples(SMALL | st.none() | st.sampled_from([-1, 2**31 - 1]), SMALL, st.sampled_from("ab") | st.none())
ROWS = st.lists(st.tuples(KEYS, SMALL), max_size=30)
WORDS = pa.dictionary(pa.int32(), pa.string())
KEY = ("user", "second", "word")


def table(rows: list[tuple[tuple[int | None, int, str | None], int]], chunk: int = 4) -> pa.Table:
    names = ("user", "second", "word", "value", "line")
    schema = pa.schema(zip(names, (pa.int32(), pa.int64(), pa.string(), pa.int64(), pa.int64()), strict=True))
    made = [dict(zip(names, (*key, value, line), strict=True)) for line, (key, value) in enumerate(rows)]
    chunks = [pa.Table.from_pylist(made[start : start + chunk], schema) for start in range(0, len(made), chunk)]
    return pa.concat_tables([schema.empty_table(), *chunks])


def encoded(rows: pa.Table) -> pa.Table:
    """The same with each chunk's words in a dictionary of its own."""
    words = pa.chunked_array([chunk.dictionary_encode() for chunk in rows["word"].chunks], WORDS)
    return rows.set_column(2, "word", words)


@given(rows=ROWS)
def test_every_row_whose_key_is_there_twice_is_found(rows: list) -> None:
    times = Counter(key for key, _ in rows)
    repeated = {at for at, (key, _) in enumerate(rows) if times[key] > 1}
    for made in (table(rows), encoded(table(rows))):
        assert repeated <= set(may_repeat(made, KEY).tolist())


def test_hardly_any_other_row_is_looked_at() -> None:
    rows = [((user, user * 7, "a"), 0) for user in range(5_000)]
    assert may_repeat(table([*rows, rows[17]], 500), KEY).tolist() == [17, 5_000]


@given(rows=ROWS)
def test_of_the_rows_of_a_key_the_last_is_kept_and_those_that_differ_from_it_have_lost(rows: list) -> None:
    last = {key: (at, value) for at, (key, value) in enumerate(rows)}
    for made in (table(rows), encoded(table(rows))):
        settled = settle(made, KEY, ("value",), order=("line",))
        assert settled.kept.tolist() == [last[key][0] == at for at, (key, _) in enumerate(rows)]
        assert settled.lost.tolist() == [last[key][1] != value for key, value in rows]
