"""A block is converted at once exactly where every line of it is plain, and then to the same values as line by line."""

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reco_assets.sources.layout import RawForm
from reco_assets.sources.plain_blocks import plain_block
from reco_assets.sources.typed import RESCUED, typed

FIELDS = ("user_id", "movie_id", "rating", "timestamp")
FORM, BARE = RawForm(FIELDS), RawForm(FIELDS, whole_stars="")

NEARLY = st.text("0123456789.x -+eE", min_size=1, max_size=6)
ID = st.integers(0, 2**31 - 1).map(str) | st.sampled_from(["0", "007", "2147483648", "9" * 18, "9" * 19, "1.0", "0x7F"])
STARS = st.sampled_from(
    [f"{half / 2:.1f}" for half in range(1, 11)] * 3 + ["4", "5", ".5", "4.", "04.0", "3.50", "6.0"]
)
SECOND = st.integers(0, 253_402_300_799).map(str) | st.sampled_from(["253402300800", "00", "1e9", "1000000000.0"])
LINE = st.tuples(ID, ID, STARS, SECOND) | st.tuples(ID | NEARLY, ID, STARS | NEARLY, SECOND | NEARLY)
PLAIN = st.tuples(
    st.integers(0, 2**31 - 1).map(str),
    st.integers(0, 10**6).map(str),
    st.integers(1, 10).map(lambda half: f"{half / 2:.1f}"),
    st.integers(0, 2**33).map(str),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(LINE, min_size=1, max_size=6) | st.lists(PLAIN, min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([FORM, BARE]),
)
@example([("1", "1", "4.0", "0"), ("01", "1", "4.", "0")], "\n", True, FORM)
@example([("0x7FFFFFFF", "1", "4.0", "0")], "\n", True, FORM)
def test_a_block_is_converted_at_once_exactly_where_each_line_is_plain(
    lines: list[tuple[str, ...]], line_end: str, ends: bool, form: RawForm
) -> None:
    block = line_end.join(",".join(line) for line in lines) + line_end * ends
    text = {name: pa.array([line[at] for line in lines]) for at, name in enumerate(FIELDS)}
    slowly = typed(text, form)
    at_once = plain_block(block.encode(), form)
    assert (at_once is not None) == (slowly[RESCUED].null_count == len(lines))
    assert at_once is None or at_once | {RESCUED: pa.nulls(len(lines), pa.string())} == slowly


@pytest.mark.parametrize(
    "block", ["1,2,4.0,5\n1,2,4.0\n", "1,2,4.0,5,6\n", "1,2,,5\n", ",2,4.0,5\n", '"1",2,4.0,5\n', "1,2,4.0, 5\n", "\n"]
)
def test_a_line_that_is_uneven_empty_quoted_or_blank_is_left_to_a_closer_look(block: str) -> None:
    assert plain_block(block.encode(), FORM) is None


def test_other_lines_than_ratings_with_seconds_are_left_to_a_closer_look() -> None:
    assert plain_block(b"1,2,3\n", RawForm(("movie_id", "year", "title"))) is None
    assert plain_block(b"1,2,3,4\n", RawForm(("movie_id", "user_id", "rating", "date"))) is None
