"""CSV files as raw tables: what is accepted, what is refused and with which line and rule."""

import csv
import io
import os
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reco_assets.sources import text_files
from reco_assets.sources.movielens import TAGS
from reco_assets.sources.source import SourceError
from reco_assets.sources.text_files import check_text, csv_table, require_text_file

HEADER = b"userId,movieId,tag,timestamp\n"
FIRST = b"1,10,funny,100\n"
SECOND = b"2,20,slow,200\n"

per_example = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def tags(tmp_path, rows_of):
    """Write these bytes to tags.csv and read it."""

    def read(content):
        path = tmp_path / "tags.csv"
        path.write_bytes(content)
        return rows_of(csv_table(path, TAGS))

    return read


@pytest.fixture
def refused(tags, tmp_path):
    """Write these bytes to tags.csv and give the message it is refused with; it must name the file and the line."""

    def read(content, line):
        with pytest.raises(SourceError) as error:
            tags(content)
        message = str(error.value)
        where = tmp_path / "tags.csv"
        assert message.startswith(f"{where}, line {line}: " if line else f"{where}: ")
        assert "\n" not in message
        return message

    return read


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 32 bytes, so that a few rows fill several."""
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 32)


def outcome(read, content):
    """The rows, or the message of the refusal."""
    try:
        return read(content)
    except SourceError as error:
        return str(error)


def values(rows):
    return [tuple(row[name] for name in TAGS.names) for row in rows]


def test_each_row_has_the_files_columns_as_text(tags):
    assert values(tags(HEADER + FIRST + SECOND)) == [("1", "10", "funny", "100"), ("2", "20", "slow", "200")]


def test_the_first_row_is_on_line_2(tags):
    assert [row["_line"] for row in tags(HEADER + FIRST + SECOND)] == [2, 3]


def test_each_row_names_its_file(tags):
    assert {row["_source_file"] for row in tags(HEADER + FIRST + SECOND)} == {"tags.csv"}


def test_all_rows_of_a_file_have_one_load_time_which_is_now(tags, small_blocks):
    (loaded,) = {row["_loaded_ts"] for row in tags(HEADER + FIRST * 20)}
    assert abs(datetime.now(UTC) - loaded) < timedelta(minutes=1)


def test_line_numbers_go_on_over_block_boundaries(tags, small_blocks):
    assert [row["_line"] for row in tags(HEADER + FIRST * 50)] == list(range(2, 52))


def test_a_file_of_only_a_header_has_no_rows(tags):
    assert tags(HEADER) == []


def test_a_header_without_a_newline_has_no_rows(tags):
    assert tags(HEADER.rstrip()) == []


def test_a_newline_at_the_end_may_be_missing(tags):
    assert tags(HEADER + FIRST + SECOND.rstrip())[-1]["timestamp"] == "200"


def test_blank_lines_at_the_end_are_no_rows(tags):
    assert len(tags(HEADER + FIRST + b"\n\r\n\n")) == 1


def test_blank_lines_at_the_end_may_fill_a_block_of_their_own(tags, small_blocks):
    assert len(tags(HEADER + FIRST + b"\n" * 200)) == 1


def test_a_byte_order_mark_is_not_part_of_the_header(tags):
    assert values(tags(b"\xef\xbb\xbf" + HEADER + FIRST)) == [("1", "10", "funny", "100")]


def test_a_byte_order_mark_may_stand_before_a_quoted_header(tags):
    assert len(tags(b'\xef\xbb\xbf"userId","movieId","tag","timestamp"\n' + FIRST)) == 1


def test_carriage_returns_of_crlf_are_not_part_of_the_values(tags):
    content = (HEADER + FIRST + SECOND).replace(b"\n", b"\r\n")
    assert values(tags(content)) == [("1", "10", "funny", "100"), ("2", "20", "slow", "200")]


def test_lf_and_crlf_may_be_mixed(tags):
    assert [row["_line"] for row in tags(HEADER + FIRST.replace(b"\n", b"\r\n") + SECOND)] == [2, 3]


def test_a_header_with_blanks_around_its_names_is_read_by_position(tags):
    assert values(tags(b"userId, movieId, tag, timestamp\n" + FIRST)) == [("1", "10", "funny", "100")]


def test_a_quoted_field_may_hold_commas_and_doubled_quotes(tags):
    assert tags(HEADER + b'1,10,"a ""b"", c",100\n')[0]["tag"] == 'a "b", c'


def test_an_empty_field_is_null(tags):
    assert values(tags(HEADER + b',10,"",100\n')) == [(None, "10", None, "100")]


def test_bad_values_in_well_formed_rows_are_left_to_silver(tags):
    assert values(tags(HEADER + b"x,99999999999,NaN,-1\n")) == [("x", "99999999999", "NaN", "-1")]


def test_text_outside_ascii_comes_as_it_is(tags):
    assert tags(HEADER + "1,10,Amélie 火,100\n".encode())[0]["tag"] == "Amélie 火"


def test_a_character_may_lie_across_a_block_boundary(tags, small_blocks):
    rows = tags(HEADER + "1,10,ééééé,100\n".encode() * 20)
    assert [row["tag"] for row in rows] == ["ééééé"] * 20


def test_unicode_line_separators_do_not_end_a_line(tags):
    rows = tags(HEADER + "1,10,a\u2028b\x85c\x0bd,100\n".encode() + SECOND)
    assert [(row["_line"], row["tag"]) for row in rows] == [(2, "a\u2028b\x85c\x0bd"), (3, "slow")]


def test_a_missing_file_is_refused(tmp_path, rows_of):
    with pytest.raises(SourceError, match=r"absent\.csv: the file does not exist"):
        rows_of(csv_table(tmp_path / "absent.csv", TAGS))


def test_a_folder_in_place_of_a_file_is_refused(tmp_path, rows_of):
    with pytest.raises(SourceError, match="not a regular file"):
        rows_of(csv_table(tmp_path, TAGS))


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path, rows_of):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SourceError, match="not a regular file"):
        rows_of(csv_table(tmp_path / "pipe.csv", TAGS))


def test_a_file_that_may_not_be_read_is_refused(tags, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # the permission bits do not bind root
    with pytest.raises(SourceError, match="may not be read"):
        tags(HEADER + FIRST)


def test_an_empty_file_is_refused(refused):
    assert "the file is empty" in refused(b"", line=None)


def test_a_file_of_blank_lines_is_refused(refused):
    assert "nothing but blank lines" in refused(b"\n\r\n\n", line=None)


def test_a_header_with_other_names_is_refused(refused):
    message = refused(b"user,movie,tag,time\n" + FIRST, line=1)
    assert "the header must be userId,movieId,tag,timestamp, found 'user,movie,tag,time'" in message


def test_a_missing_header_is_refused(refused):
    assert "the header must be" in refused(FIRST, line=1)


def test_a_header_in_another_order_is_refused_with_the_hint_to_reorder(refused):
    assert "Reorder the columns." in refused(b"movieId,userId,tag,timestamp\n" + FIRST, line=1)


def test_a_header_with_a_column_too_many_is_refused(refused):
    assert "the header must be" in refused(HEADER.rstrip() + b",more\n", line=1)


def test_a_binary_file_is_refused(refused):
    assert "no UTF-8 text" in refused(b"\x1f\x8b\x08\x00\x00\x01\xff", line=1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_in_utf16_is_refused_with_how_to_convert_it(refused, encoding):
    assert "iconv -f UTF-16 -t UTF-8" in refused((HEADER + FIRST).decode().encode(encoding), line=1)


def test_a_file_whose_name_is_in_upper_case_is_found_and_to_be_renamed(tmp_path):
    (tmp_path / "RATINGS.CSV").write_bytes(HEADER)
    with pytest.raises(SourceError, match=r"does not exist.*Rename RATINGS\.CSV to ratings\.csv\."):
        require_text_file(tmp_path / "ratings.csv")


def test_a_nul_byte_in_a_later_block_is_refused_with_its_line(refused, small_blocks):
    assert "a NUL byte" in refused(HEADER + FIRST * 30 + b"1,10,a\0b,100\n" + SECOND, line=32)


def test_text_that_is_not_utf8_is_refused_with_its_line(refused, small_blocks):
    assert "not UTF-8" in refused(HEADER + FIRST * 10 + "1,10,Amélie,100\n".encode("latin-1"), line=12)


def test_an_utf8_character_cut_off_at_the_end_is_refused(refused):
    assert "not UTF-8" in refused(HEADER + FIRST + b"1,10,\xc3", line=3)


def test_a_quote_that_does_not_close_is_refused_with_its_line(refused, small_blocks):
    assert "a quote that does not close" in refused(HEADER + FIRST * 10 + b'1,10,"open,100\n' + SECOND, line=12)


def test_a_quoted_field_over_two_lines_is_refused(refused):
    assert "a quote that does not close" in refused(HEADER + b'1,10,"one\ntwo",100\n', line=2)


def test_quotes_that_pair_up_but_do_not_close_a_field_are_refused(refused):
    assert "a quote that does not close" in refused(HEADER + b'1,10"x,"open,100\n' + SECOND, line=2)


def test_text_after_a_closing_quote_is_refused(refused):
    assert "a quote that does not close" in refused(HEADER + b'1,10,"a"b,100\n', line=2)


def test_a_quote_that_does_not_close_is_refused_in_a_file_with_crlf(refused):
    assert "a quote that does not close" in refused(HEADER + b'1,10,"open,100\r\n', line=2)


def test_a_blank_line_between_rows_is_refused(refused):
    assert "a blank line between rows" in refused(HEADER + FIRST + b"\n" + SECOND, line=3)


def test_a_blank_crlf_line_between_rows_is_refused(refused):
    content = (HEADER + FIRST + b"\n" + SECOND).replace(b"\n", b"\r\n")
    assert "a blank line between rows" in refused(content, line=3)


def test_a_blank_first_line_is_refused(refused):
    assert "a blank line between rows" in refused(b"\n" + HEADER + FIRST, line=1)


@pytest.mark.parametrize("before", range(10, 20))
def test_a_blank_line_is_found_wherever_the_block_ends(refused, small_blocks, before):
    assert "a blank line between rows" in refused(HEADER + b"1,1,a,1\n" * before + b"\n" + SECOND, line=before + 2)


def test_blank_lines_that_fill_blocks_between_rows_are_refused_at_the_first(refused, small_blocks):
    assert "a blank line between rows" in refused(HEADER + FIRST + b"\n" * 100 + SECOND, line=3)


def test_a_line_of_blanks_is_refused_as_one_field(refused):
    assert "1 fields where the first line has 4" in refused(HEADER + FIRST + b"   \n", line=3)


def test_a_row_with_a_field_too_many_is_refused_with_its_line(refused, small_blocks):
    message = refused(HEADER + FIRST * 20 + b"1,10,a,b,100\n" + SECOND, line=22)
    assert "5 fields where the first line has 4" in message


def test_a_row_with_a_field_too_few_is_refused_with_its_line(refused):
    assert "3 fields where the first line has 4" in refused(HEADER + FIRST + b"1,10,100\n" + SECOND, line=3)


def test_a_row_cut_off_at_the_end_is_refused(refused):
    assert "2 fields where the first line has 4" in refused(HEADER + FIRST + b"2,20", line=3)


def test_a_file_with_cr_line_ends_is_refused(refused):
    assert "a carriage return (CR)" in refused((HEADER + FIRST + SECOND).replace(b"\n", b"\r"), line=1)


def test_a_carriage_return_inside_a_row_is_refused_with_its_line(refused, small_blocks):
    assert "a carriage return (CR)" in refused(HEADER + FIRST * 20 + b"1,10,a\rb,100\n" + SECOND, line=22)


def test_a_carriage_return_as_the_last_byte_is_refused(refused):
    assert "a carriage return (CR)" in refused(HEADER + FIRST.rstrip() + b"\r", line=2)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(refused, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 64)
    monkeypatch.setattr(text_files, "MAX_LINE_BYTES", 200)
    assert "the line is over 200 bytes" in refused(HEADER + FIRST + b"x" * 1000, line=3)


def test_a_file_that_shrinks_between_the_check_and_the_reading_is_refused(tmp_path, rows_of, monkeypatch):
    path = tmp_path / "tags.csv"
    path.write_bytes(HEADER + FIRST + SECOND)

    def check_and_shrink(checked):
        lines = check_text(checked)
        checked.write_bytes(HEADER + FIRST)
        return lines

    monkeypatch.setattr(text_files, "check_text", check_and_shrink)
    with pytest.raises(SourceError, match="2 data lines were read as 1 rows"):
        rows_of(csv_table(path, TAGS))


field = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=12)
table = st.lists(st.tuples(field, field, field, field), max_size=30)
layout = st.tuples(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]), st.booleans())


@given(written=table, layout=layout)
@per_example
def test_what_is_read_is_what_was_written_and_every_row_knows_its_line(tags, written, layout, monkeypatch):
    quoting, line_end, last_line_end = layout
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows([TAGS.names, *written])
    content = text.getvalue() if last_line_end else text.getvalue().removesuffix(line_end)
    with monkeypatch.context() as patch:
        patch.setattr(text_files, "BLOCK_BYTES", 64)
        read = tags(content.encode())
    assert values(read) == [tuple(value or None for value in row) for row in written]
    assert [row["_line"] for row in read] == list(range(2, len(written) + 2))


fragments = st.sampled_from(
    [
        HEADER,
        FIRST,
        SECOND,
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b'""',
        b",",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b" ",
        b"x",
        b"\xc3",
    ]
)
damaged = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(HEADER.__add__),
    st.lists(fragments, max_size=12).map(b"".join),
    st.lists(fragments, max_size=12).map(b"".join).map(HEADER.__add__),
)


@given(content=damaged, block_bytes=st.sampled_from([7, 64, 8 << 20]))
@example(content=HEADER + b'1,10"x,"2,3\n4,5,6",7\n', block_bytes=64)
@per_example
def test_any_bytes_are_read_with_nothing_lost_or_refused(tags, tmp_path, content, block_bytes, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(text_files, "BLOCK_BYTES", block_bytes)
        read = outcome(tags, content)
    if isinstance(read, str):
        assert str(tmp_path / "tags.csv") in read
        return
    lines = content.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n")
    assert len(read) == len(lines) - 1
    expected = [tuple(value or None for value in row) for row in csv.reader(lines[1:])]
    assert values(read) == expected


@given(damage=fragments, at=st.integers(0, 330))
@example(damage=b"\xef\xbb\xbf", at=59)
@per_example
def test_whether_a_damaged_file_is_refused_does_not_depend_on_the_block_size(tags, damage, at, monkeypatch):
    whole = HEADER + FIRST * 20
    content = whole[:at] + damage + whole[at:]
    outcomes = []
    for block_bytes in (16, 8 << 20):
        with monkeypatch.context() as patch:
            patch.setattr(text_files, "BLOCK_BYTES", block_bytes)
            read = outcome(tags, content)
        # Of several broken rules the block size may decide which one is named, never whether one is.
        outcomes.append("refused" if isinstance(read, str) else [(row["_line"], *values([row])) for row in read])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("newlines", "line_end"), list(product([0, 1, 3], [b"\n", b"\r\n"])))
def test_the_number_of_lines_leaves_out_blank_ones_at_the_end(tmp_path: Path, newlines, line_end):
    path = tmp_path / "lines.txt"
    path.write_bytes(b"one" + line_end + b"two" + line_end * newlines)
    assert check_text(path) == 2
