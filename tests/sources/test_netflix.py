"""Netflix-Prize text: blocks of ratings under their movie's line, and movie_titles.csv."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.sources import netflix, text_files
from reco_assets.sources.netflix import blocks_table, titles_table
from reco_assets.sources.source import SourceError

per_example = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def blocks(tmp_path, rows_of):
    """Write these bytes as one file in the block format and read it."""

    def read(content):
        path = tmp_path / "combined_data_1.txt"
        path.write_bytes(content)
        return rows_of(blocks_table({path.name: path}))

    return read


@pytest.fixture
def titles(tmp_path, rows_of):
    """Write these bytes to movie_titles.csv and read it."""

    def read(content):
        path = tmp_path / "movie_titles.csv"
        path.write_bytes(content)
        return rows_of(titles_table(path))

    return read


def outcome(read, content):
    """The rows, or the message of the refusal."""
    try:
        return read(content)
    except SourceError as error:
        return str(error)


def values(rows):
    return [(row["MOVIE_ID"], row["CUST_ID"], row["RATING"], row["DATE"]) for row in rows]


def lines_of(rows):
    return [row["_line"] for row in rows]


def test_a_rating_belongs_to_the_movie_above_it(blocks):
    rows = blocks(b"1:\n7,3,2005-09-06\n8,5,2005-05-13\n2:\n7,4,2005-10-19\n")
    assert values(rows) == [
        ("1", "7", "3", "2005-09-06"),
        ("1", "8", "5", "2005-05-13"),
        ("2", "7", "4", "2005-10-19"),
    ]


def test_lines_are_numbered_with_the_movie_lines_counted(blocks):
    assert lines_of(blocks(b"1:\n7,3,2005-09-06\n8,5,2005-05-13\n2:\n7,4,2005-10-19\n")) == [2, 3, 5]


def test_a_movie_without_ratings_gives_no_rows(blocks):
    assert values(blocks(b"1:\n2:\n7,4,2005-10-19\n3:\n")) == [("2", "7", "4", "2005-10-19")]


def test_a_file_with_only_movie_lines_has_no_rows(blocks):
    assert blocks(b"1:\n2:\n") == []


def test_the_movie_carries_over_block_boundaries(blocks, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 16)
    rows = blocks(b"1:\n" + b"7,3,2005-09-06\n" * 30 + b"2:\n" + b"8,4,2005-09-07\n" * 30)
    assert [row["MOVIE_ID"] for row in rows] == ["1"] * 30 + ["2"] * 30
    assert lines_of(rows) == [*range(2, 32), *range(33, 63)]


def test_the_movie_does_not_carry_over_to_the_next_file(tmp_path, rows_of):
    one, two = tmp_path / "combined_data_1.txt", tmp_path / "combined_data_2.txt"
    one.write_bytes(b"1:\n7,3,2005-09-06\n")
    two.write_bytes(b"8,4,2005-09-07\n")
    with pytest.raises(SourceError, match=r"combined_data_2\.txt, line 1: a rating before the first `MOVIE_ID:` line"):
        rows_of(blocks_table({path.name: path for path in (one, two)}))


def test_each_row_names_the_file_it_came_from(tmp_path, rows_of):
    one, two = tmp_path / "combined_data_1.txt", tmp_path / "combined_data_2.txt"
    one.write_bytes(b"1:\n7,3,2005-09-06\n")
    two.write_bytes(b"2:\n8,4,2005-09-07\n")
    rows = rows_of(blocks_table({path.name: path for path in (one, two)}))
    assert [(row["_source_file"], row["_line"]) for row in rows] == [(one.name, 2), (two.name, 2)]


def test_the_last_newline_may_be_missing(blocks):
    assert values(blocks(b"1:\n7,3,2005-09-06")) == [("1", "7", "3", "2005-09-06")]


def test_crlf_and_a_byte_order_mark_are_accepted(blocks):
    assert values(blocks(b"\xef\xbb\xbf1:\r\n7,3,2005-09-06\r\n")) == [("1", "7", "3", "2005-09-06")]


def test_blank_lines_at_the_end_may_fill_blocks_of_their_own(blocks, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 16)
    assert len(blocks(b"1:\n7,3,2005-09-06\n" + b"\r\n" * 50)) == 1


def test_an_empty_field_is_null(blocks):
    assert values(blocks(b"1:\n,3,\n")) == [("1", None, "3", None)]


def test_bad_values_are_left_to_silver(blocks):
    assert values(blocks(b"1:\nx,NaN,yesterday\n")) == [("1", "x", "NaN", "yesterday")]


@pytest.mark.parametrize(
    ("content", "line", "rule"),
    [
        (b"7,3,2005-09-06\n1:\n", 1, "a rating before the first `MOVIE_ID:` line"),
        (b"1:\n7,3\n", 2, "neither `MOVIE_ID:` nor `CUST_ID,RATING,DATE`"),
        (b"1:\n7,3,2005-09-06,x\n", 2, "neither `MOVIE_ID:` nor"),
        (b"1:\n7,3,2005-09-06\nx:\n", 3, "neither `MOVIE_ID:` nor"),
        (b"1:\n\n7,3,2005-09-06\n", 2, "a blank line between rows"),
        (b"1:\n7,3,2005-09-06\n7,\0,2005-09-06\n", 3, "no UTF-8 text"),
        (b"1:\n7,\xff,2005-09-06\n", 2, "not UTF-8"),
        (b"1:\n7,3,2005-09-06\r8,3,2005-09-06\r", 2, "carriage return"),
        (b'1:\n7,"3,2005-09-06\n', 2, "a quote that does not close"),
        (b"userId,movieId,rating,timestamp\n1,2,3,4\n", 1, "neither `MOVIE_ID:` nor"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line_and_rule(blocks, content, line, rule):
    with pytest.raises(SourceError) as error:
        blocks(content)
    assert f"combined_data_1.txt, line {line}: " in str(error.value)
    assert rule in str(error.value)


def test_a_bad_line_in_a_later_block_is_refused_with_its_line(blocks, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 16)
    with pytest.raises(SourceError, match="line 32: neither"):
        blocks(b"1:\n" + b"7,3,2005-09-06\n" * 30 + b"7;3;2005-09-06\n")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\r\n"])
def test_a_file_without_a_line_is_refused(blocks, content):
    with pytest.raises(SourceError, match=r"combined_data_1\.txt: the file (is empty|holds nothing but blank lines)"):
        blocks(content)


def test_every_file_is_looked_for_before_the_first_is_read(tmp_path):
    present = tmp_path / "combined_data_1.txt"
    present.write_bytes(b"1:\n7,3,2005-09-06\n")
    with pytest.raises(SourceError, match=r"combined_data_2\.txt: the file does not exist"):
        next(blocks_table({path.name: path for path in (present, tmp_path / "combined_data_2.txt")}).batches())


def test_titles_may_hold_commas_and_quotes(titles):
    rows = titles(b'1,2003,Dinosaur Planet\n2,2004,I, "Robot", Again\n')
    assert [(row["MOVIE_ID"], row["YEAR"], row["TITLE"]) for row in rows] == [
        ("1", "2003", "Dinosaur Planet"),
        ("2", "2004", 'I, "Robot", Again'),
    ]
    assert lines_of(rows) == [1, 2]


def test_titles_may_be_latin_1_as_published(titles):
    assert titles("1,2001,Amélie\n".encode("latin-1"))[0]["TITLE"] == "Amélie"


def test_titles_may_be_utf8_with_a_byte_order_mark(titles):
    rows = titles("\ufeff1,2001,Amélie\n".encode())
    assert (rows[0]["MOVIE_ID"], rows[0]["TITLE"]) == ("1", "Amélie")


def test_a_control_character_in_a_latin_1_title_does_not_end_the_line(titles):
    rows = titles(b"1,2001,Wait\x85 for \xe9t\xe9\n2,2002,Next\n")
    assert [(row["_line"], row["TITLE"]) for row in rows] == [(1, "Wait\x85 for été"), (2, "Next")]


def test_titles_with_crlf_and_blank_lines_at_the_end_are_accepted(titles):
    assert [row["TITLE"] for row in titles(b"1,2003,One\r\n2,2004,Two\r\n\r\n")] == ["One", "Two"]


def test_years_that_are_all_missing_are_nulls_of_type_text(titles):
    assert [row["YEAR"] for row in titles(b"1,,One\n2,,Two\n")] == [None, None]


def test_a_missing_year_is_null_or_the_text_null_as_published(titles):
    assert [row["YEAR"] for row in titles(b"1,,One\n2,NULL,Two\n")] == [None, "NULL"]


@pytest.mark.parametrize(
    ("content", "line", "rule"),
    [
        (b"1,2003,One\n2,2004\n", 2, "not of the form MOVIE_ID,YEAR,TITLE"),
        (b"1,2003,One\n\n2,2004,Two\n", 2, "not of the form"),
        (b"1,2003,One\n2,2004,\0\n", 2, "a NUL byte: this is no UTF-8 text"),
        (b"1,2003,One\r2,2004,Two\r", 1, "a carriage return (CR)"),
        (b"\n", 1, "not of the form"),
    ],
)
def test_damaged_titles_are_refused_with_line_and_rule(titles, content, line, rule):
    with pytest.raises(SourceError) as error:
        titles(content)
    assert f"movie_titles.csv, line {line}: {rule}" in str(error.value)


def test_missing_titles_are_refused(tmp_path, rows_of):
    (tmp_path / "combined_data_1.txt").write_bytes(b"1:\n7,3,2005-09-06\n")
    with pytest.raises(SourceError, match=r"movie_titles\.csv: the file does not exist"):
        rows_of(netflix.source(tmp_path).movies)


def test_the_source_reads_all_combined_files_in_the_order_of_their_names(tmp_path, rows_of):
    (tmp_path / "combined_data_2.txt").write_bytes(b"2:\n8,4,2005-09-07\n")
    (tmp_path / "combined_data_1.txt").write_bytes(b"1:\n7,3,2005-09-06\n")
    (tmp_path / "movie_titles.csv").write_bytes(b"1,2003,One\n")
    source = netflix.source(tmp_path)
    assert [row["MOVIE_ID"] for row in rows_of(source.ratings)] == ["1", "2"]
    assert [path.name for path in source.files] == ["combined_data_1.txt", "combined_data_2.txt", "movie_titles.csv"]


def test_the_source_has_no_tags(tmp_path, rows_of):
    (tmp_path / "combined_data_1.txt").write_bytes(b"1:\n7,3,2005-09-06\n")
    assert rows_of(netflix.source(tmp_path).tags) == []


def test_a_folder_without_combined_files_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"no combined_data_\*\.txt in this folder"):
        netflix.source(tmp_path)


field = st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n,"'), max_size=8)
ratings = st.lists(st.tuples(st.integers(1, 9), field, field, field), max_size=30)


@given(written=ratings, line_end=st.sampled_from(["\n", "\r\n"]), block_bytes=st.sampled_from([5, 64, 8 << 20]))
@per_example
def test_what_is_read_is_what_was_written_and_every_row_knows_its_line(
    blocks, written, line_end, block_bytes, monkeypatch
):
    lines, expected = ["1:"], []
    for movie, *fields in written:
        if movie > 1:
            lines.append(f"{movie}:")
        lines.append(",".join(fields))
        current = next(line for line in reversed(lines) if line.endswith(":") and "," not in line)
        expected.append((len(lines), current[:-1], *(value or None for value in fields)))
    with monkeypatch.context() as patch:
        patch.setattr(text_files, "BLOCK_BYTES", block_bytes)
        read = blocks(line_end.join(lines).encode())
    assert [(row["_line"], *values([row])[0]) for row in read] == expected


fragments = st.sampled_from(
    [b"1:\n", b"7,3,2005-09-06\n", b"\n", b"\r", b":", b",", b'"', b"\0", b"\xff", b"\xef\xbb\xbf"]
)
damaged = st.one_of(st.binary(max_size=100), st.lists(fragments, max_size=15).map(b"".join))


@given(content=damaged, block_bytes=st.sampled_from([5, 8 << 20]))
@per_example
def test_any_bytes_are_read_with_nothing_lost_or_refused(blocks, tmp_path, content, block_bytes, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(text_files, "BLOCK_BYTES", block_bytes)
        read = outcome(blocks, content)
    if isinstance(read, str):
        assert str(tmp_path / "combined_data_1.txt") in read
        return
    text = content.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n")
    assert len(read) == sum("," in line for line in text.split("\n"))


@given(content=damaged | st.binary(max_size=60).map(b"1,2003,".__add__))
@per_example
def test_any_bytes_as_titles_are_read_with_nothing_lost_or_refused(titles, tmp_path, content):
    read = outcome(titles, content)
    if isinstance(read, str):
        assert str(tmp_path / "movie_titles.csv") in read
        return
    assert lines_of(read) == list(range(1, content.rstrip(b"\r\n").count(b"\n") + 2))
