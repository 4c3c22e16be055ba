"""What becomes of every line of a streamed file, whatever bytes it holds."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reco_assets.silver.ratings import clean_ratings
from reco_assets.sources.layout import RawForm
from reco_assets.sources.source import SourceError
from reco_assets.sources.typed import typed
from reco_assets.streaming import reader
from reco_assets.streaming.fields import GOOD
from reco_assets.streaming.reader import QUARANTINED, ParsedFile, parse_stream_file
from reco_assets.vocabulary import RATING_COLUMNS

NOW = datetime(2026, 1, 2, tzinfo=UTC)

HEADER = b"DATE,CUST_ID,MOVIE_ID,RATING\n"
LANDED_NS = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000_000

Parse = Callable[..., ParsedFile]


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    def run(body: bytes, header: bytes = HEADER) -> ParsedFile:
        path = tmp_path / "file.csv"
        path.write_bytes(header + body)
        return parse_stream_file(path, LANDED_NS)

    return run


def ratings(parsed: ParsedFile) -> list[tuple]:
    return [(row["line"], row["user_id"], row["movie_id"], row["rating"]) for row in parsed.good.to_pylist()]


def reasons(parsed: ParsedFile) -> dict[int, list[str]]:
    return {row["line"]: row["reasons"] for row in parsed.quarantined.to_pylist()}


def data_lines(content: bytes) -> int:
    """The lines after the first, in other words than the reader's."""
    return max(len(content.removesuffix(b"\n").split(b"\n")) - 1, 0)


# Good rows


def test_a_good_line_becomes_a_typed_row(parse: Parse) -> None:
    parsed = parse(b"2005-09-06,7,42,3.5\n")
    assert parsed.good.schema == GOOD
    assert parsed.good.to_pylist() == [
        {"line": 2, "user_id": 7, "movie_id": 42, "rating": 3.5, "rating_ts": datetime(2005, 9, 6, tzinfo=UTC)}
    ]
    assert (len(parsed.quarantined), parsed.lines, parsed.duplicates) == (0, 1, 0)


@pytest.mark.parametrize("date", [b"2004-02-29 23:59:58", b"2004-02-29T23:59:58", b'"2004-02-29 23:59:58"'])
def test_a_date_may_have_a_time(parse: Parse, date: bytes) -> None:
    [row] = parse(date + b",7,42,3.5\n").good.to_pylist()
    assert row["rating_ts"] == datetime(2004, 2, 29, 23, 59, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        b"2005-09-06,7,42,4\r",
        b" 2005-09-06 , 7,42 ,4.0",
        b'"2005-09-06","7","42","4"',
        b'2005-09-06,"7",42,"4"\r',
        b"2005-09-06,007,000042,+4.",
        b"2005-09-06,7,42,40e-1",
    ],
)
def test_other_spellings_of_a_good_line_are_the_same_row(parse: Parse, line: bytes) -> None:
    assert ratings(parse(line + b"\n")) == [(2, 7, 42, 4.0)]


@pytest.mark.parametrize("stars", [b"0.5", b"5", b".5", b"5.0"])
def test_the_ends_of_the_scale_are_good(parse: Parse, stars: bytes) -> None:
    assert len(parse(b"2005-09-06,7,42," + stars + b"\n").good) == 1


def test_the_last_line_needs_no_newline(parse: Parse) -> None:
    assert ratings(parse(b"2005-09-06,7,42,4\n2005-09-06,7,43,4")) == [(2, 7, 42, 4.0), (3, 7, 43, 4.0)]


def test_a_truncated_last_line_is_quarantined_and_the_others_are_kept(parse: Parse) -> None:
    parsed = parse(b"2005-09-06,7,42,4\n2005-09-06,7,4")
    assert ratings(parsed) == [(2, 7, 42, 4.0)]
    assert reasons(parsed) == {3: ["wrong_field_count"]}


@pytest.mark.parametrize("body", [b"", b"\n", b"x\n"])
def test_a_file_without_a_good_row_has_the_declared_columns_too(parse: Parse, body: bytes) -> None:
    parsed = parse(body)
    assert (parsed.good.schema, parsed.quarantined.schema) == (GOOD, QUARANTINED)
    assert (len(parsed.good), len(parsed.quarantined)) == (0, parsed.lines)


# Headers


@pytest.mark.parametrize(
    "header",
    [
        b"\xef\xbb\xbfDATE,CUST_ID,MOVIE_ID,RATING\n",
        b"DATE,CUST_ID,MOVIE_ID,RATING\r\n",
        b'"DATE","CUST_ID","MOVIE_ID","RATING"\n',
        b' DATE, CUST_ID ,"MOVIE_ID" ,RATING \n',
    ],
)
def test_a_header_with_bom_crlf_quotes_or_blanks_is_the_header(parse: Parse, header: bytes) -> None:
    assert ratings(parse(b"2005-09-06,7,42,4\n", header)) == [(2, 7, 42, 4.0)]


@pytest.mark.parametrize(
    "header",
    [
        b"DATE,MOVIE_ID,CUST_ID,RATING\n",
        b"CUST_ID,DATE,MOVIE_ID,RATING\n",
        b"DATE,CUST_ID,MOVIE_ID\n",
        b"DATE,CUST_ID,MOVIE_ID,RATING,EXTRA\n",
        b"date,cust_id,movie_id,rating\n",
        b"2005-09-06,7,42,4\n",
        b"\n" + HEADER,
        b"",
        HEADER.decode().encode("utf-16"),
        b"\0" * 100,
        b"DATE" * 1_000_000 + b"\n",
    ],
    ids=["swapped", "shifted", "missing", "extra", "lower case", "none", "blank", "empty", "utf-16", "nul", "huge"],
)
def test_a_file_with_another_header_is_refused_with_the_rule(parse: Parse, header: bytes) -> None:
    with pytest.raises(SourceError, match="line 1: the header must be DATE,CUST_ID,MOVIE_ID,RATING, found"):
        parse(b"", header)


# Lines that are quarantined


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"2005-09-06,7,42", ["wrong_field_count"]),
        (b"2005-09-06,7,42,4,", ["wrong_field_count"]),
        (b"2005-09-06;7;42;4", ["wrong_field_count"]),
        (b"", ["blank_line"]),
        (b" \t", ["blank_line"]),
        (b"\r", ["blank_line"]),
        (b"2005-09-06,7,4\x002,4", ["nul_byte"]),
        (b"2005-09-06,7,42,4\xff", ["not_utf8"]),
        (b"\x00\xff", ["nul_byte", "not_utf8"]),
        (b'2005-09-06,"7,42,4', ["unbalanced_quote"]),
        (b'2005-09-06,7"7,42,4', ["unbalanced_quote"]),
        (b'"2005-09-06"x,7,42,4', ["unbalanced_quote"]),
        (b"2005-09-06,,42,4", ["null_user_id"]),
        (b'2005-09-06,"",42,4', ["null_user_id"]),
        (b"2005-09-06,-7,42,4", ["invalid_user_id"]),
        (b"2005-09-06,7.0,42,4", ["invalid_user_id"]),
        (b"2005-09-06,2147483648,42,4", ["invalid_user_id"]),
        (b"2005-09-06,99999999999999999999,42,4", ["invalid_user_id"]),
        ("2005-09-06,\u0667,42,4".encode(), ["invalid_user_id"]),
        (b"2005-09-06,7, ,4", ["null_movie_id"]),
        (b"2005-09-06,7,x,4", ["invalid_movie_id"]),
        (b'2005-09-06,7,"4,2",4', ["invalid_movie_id"]),
        (b"2005-09-06,7,42,", ["invalid_rating"]),
        (b"2005-09-06,7,42,NaN", ["invalid_rating"]),
        (b"2005-09-06,7,42,inf", ["invalid_rating"]),
        (b"2005-09-06,7,42,1e309", ["invalid_rating"]),
        (b"2005-09-06,7,42,4_0", ["invalid_rating"]),
        (b"2005-09-06,7,42,-4", ["rating_out_of_range"]),
        (b"2005-09-06,7,42,0.49", ["rating_out_of_range"]),
        (b"2005-09-06,7,42,5.01", ["rating_out_of_range"]),
        (b"2005-09-06,7,42,1e99", ["rating_out_of_range"]),
        (b"2005-09-06,7,42,3.7", ["rating_between_half_stars"]),
        (b",7,42,4", ["invalid_date"]),
        (b"06/09/2005,7,42,4", ["invalid_date"]),
        (b"2005-02-29,7,42,4", ["invalid_date"]),
        (b"2005-13-01,7,42,4", ["invalid_date"]),
        (b"2005-00-10,7,42,4", ["invalid_date"]),
        (b"2005-01-00,7,42,4", ["invalid_date"]),
        (b"2005-01-01 24:00:00,7,42,4", ["invalid_date"]),
        (b"2005-01-01 10:00,7,42,4", ["invalid_date"]),
        (b"2005-01-01 10:00:00Z,7,42,4", ["invalid_date"]),
        (b"1969-12-31,7,42,4", ["invalid_date"]),
        (b"1126000000,7,42,4", ["invalid_date"]),
        (b"9999-12-31,7,42,4", ["future_date"]),
        (b"x,y,,9", ["invalid_user_id", "null_movie_id", "rating_out_of_range", "invalid_date"]),
    ],
)
def test_a_bad_line_is_quarantined_with_every_rule_that_it_breaks(
    parse: Parse, line: bytes, expected: list[str]
) -> None:
    parsed = parse(b"2005-09-06,1,1,1\n" + line + b"\n2005-09-06,2,2,2\n")
    assert reasons(parsed) == {3: expected}
    assert ratings(parsed) == [(2, 1, 1, 1.0), (4, 2, 2, 2.0)]


def test_a_date_of_up_to_a_day_after_the_file_was_written_is_no_future_date(parse: Parse) -> None:
    parsed = parse(b"2026-01-03 00:00:00,7,42,4\n2026-01-03 00:00:01,7,42,4\n")
    assert reasons(parsed) == {3: ["future_date"]}


def test_the_raw_line_is_kept_as_text_of_at_most_a_thousand_characters(parse: Parse) -> None:
    long = "\u20ac" * 2_000
    parsed = parse(b"caf\xe9,\x00\r\n" + long.encode() + b"\n")
    assert parsed.quarantined["raw"].to_pylist() == ["caf\\xe9,\x00", "\u20ac" * 1_000]


def test_an_unbalanced_quote_spoils_its_own_line_only(parse: Parse) -> None:
    parsed = parse(b'2005-09-06,"7,42,4\n2005-09-06,8,42,4\n2005-09-06,9",42,4\n')
    assert reasons(parsed) == {2: ["unbalanced_quote"], 4: ["unbalanced_quote"]}
    assert ratings(parsed) == [(3, 8, 42, 4.0)]


@pytest.mark.parametrize("size", [(1 << 20) + 1, 20 << 20])
def test_a_line_of_over_a_mebibyte_is_quarantined_and_the_lines_around_it_are_kept(parse: Parse, size: int) -> None:
    parsed = parse(b"2005-09-06,1,1,1\n" + b"9" * size + b"\n2005-09-06,2,2,2\n")
    assert reasons(parsed) == {3: ["line_too_long"]}
    assert parsed.quarantined["raw"].to_pylist() == ["9" * 1_000]
    assert ratings(parsed) == [(2, 1, 1, 1.0), (4, 2, 2, 2.0)]


def test_a_line_of_a_mebibyte_is_read(parse: Parse) -> None:
    padded = b"2005-09-06,1,1," + b" " * ((1 << 20) - 16) + b"1"
    assert ratings(parse(padded + b"\n")) == [(2, 1, 1, 1.0)]


def test_a_line_of_100_mb_does_not_come_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(HEADER)
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\n2005-09-06,2,2,2\n")
    tracemalloc.start()
    parsed = parse_stream_file(path, LANDED_NS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reasons(parsed) == {2: ["line_too_long"]}
    assert ratings(parsed) == [(3, 2, 2, 2.0)]
    assert peak < 50_000_000


# Duplicates


def test_exact_duplicates_are_counted_and_one_is_kept(parse: Parse) -> None:
    parsed = parse(b'2005-09-06,7,42,4\n2005-09-06,8,42,4\n2005-09-06 00:00:00,"7",42,4.0\n2005-09-06,7,42,4\n')
    assert sorted(row[1:] for row in ratings(parsed)) == [(7, 42, 4.0), (8, 42, 4.0)]
    assert (parsed.duplicates, len(parsed.quarantined)) == (2, 0)


def test_of_conflicting_ratings_the_last_line_wins_and_the_earlier_are_quarantined(parse: Parse) -> None:
    parsed = parse(b"2005-09-06,7,42,4\n2005-09-06,7,42,5\n2005-09-06,7,42,4\n2005-09-06,7,42,3\n2005-09-07,7,42,1\n")
    assert ratings(parsed) == [(5, 7, 42, 3.0), (6, 7, 42, 1.0)]
    assert reasons(parsed) == {line: ["conflicting_duplicate"] for line in (2, 3, 4)}
    assert parsed.quarantined["raw"].to_pylist()[1] == "2005-09-06,7,42,5"


def test_an_earlier_line_that_agrees_with_the_last_is_a_duplicate_not_a_conflict(parse: Parse) -> None:
    parsed = parse(b"2005-09-06,7,42,4\n2005-09-06,7,42,5\n2005-09-06,7,42,4\n")
    assert (ratings(parsed), reasons(parsed)) == ([(4, 7, 42, 4.0)], {3: ["conflicting_duplicate"]})
    assert parsed.duplicates == 1


# Any bytes at all

FIELD = st.sampled_from(
    [
        *(b"2005-09-06", b"2005-09-06 10:11:12", b"2005-02-30", b"7", b"8", b" 7 ", b'"7"', b"42", b"4", b"5", b"4.0"),
        *(b"", b" ", b'"', b'""', b"NaN", b"1e309", b"+1", b"-1", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r", b"\t"),
        *(b"9" * 30, "\u0663".encode(), b"2147483648"),
    ]
) | st.binary(max_size=6)
ROW = st.builds(
    lambda date, user, movie, stars: b",".join([date, user, movie, stars]),
    st.sampled_from([b"2005-09-06", b"2005-09-06T00:00:00", b'"2005-09-07"']),
    st.sampled_from([b"7", b"8", b"07"]),
    st.sampled_from([b"42", b'"42"']),
    st.sampled_from([b"4", b"4.0", b"5", b"6"]),
)
LINE = ROW | st.lists(FIELD, max_size=6).map(b",".join) | st.binary(max_size=40)
BODY = st.lists(LINE, max_size=30).flatmap(
    lambda lines: st.sampled_from([b"\n", b"\r\n"]).flatmap(
        lambda end: st.sampled_from([b"", end]).map(lambda last: end.join(lines) + last)
    )
)
ANY_BYTES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@ANY_BYTES
@given(body=BODY)
@example(body=b"\n\n\n")
@example(body=b"2005-09-06,7,42,4\n2005-09-06,7,42,5\n2005-09-06,7,42,4")
def test_every_line_is_good_quarantined_a_duplicate_or_of_who_was_forgotten(parse: Parse, body: bytes) -> None:
    parsed = parse(body)
    assert parsed.lines == data_lines(HEADER + body)
    assert parsed.lines == len(parsed.good) + len(parsed.quarantined) + parsed.duplicates + parsed.forgotten
    numbers = parsed.good["line"].to_pylist() + parsed.quarantined["line"].to_pylist()
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(2, parsed.lines + 2))


@ANY_BYTES
@given(content=st.binary(max_size=120) | BODY)
def test_any_file_is_either_read_or_refused_for_its_header(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    with suppress(SourceError):
        assert parse_stream_file(path, LANDED_NS).lines == data_lines(content)


@ANY_BYTES
@given(body=BODY, block=st.integers(1, 40), longest=st.integers(5, 60))
def test_how_a_file_falls_into_blocks_changes_nothing(tmp_path: Path, body: bytes, block: int, longest: int) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(HEADER + body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "MAX_LINE_BYTES", longest)
        patch.setattr(reader, "RAW_CHARACTERS", 1)  # of a line that is too long only the start is ever in memory
        whole = parse_stream_file(path, LANDED_NS)
        patch.setattr(reader, "BLOCK_BYTES", block)
        assert parse_stream_file(path, LANDED_NS) == whole


@ANY_BYTES
@given(body=BODY)
def test_lines_taken_apart_in_a_block_end_as_those_taken_apart_one_by_one(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(HEADER + body)
    in_blocks = parse_stream_file(path, LANDED_NS)
    with pytest.MonkeyPatch.context() as patch:
        no_line = ",".join(f"(?P<{name}>x)" for name in reader.CSV_COLUMNS)
        patch.setattr(reader, "_PLAIN_LINE", no_line + "[^x]" * 5 + "$")
        assert parse_stream_file(path, LANDED_NS) == in_blocks


def test_ids_and_ratings_are_judged_as_silver_judges_them(parse: Parse) -> None:
    odd = ["7", "007", " 7 ", "", "-7", "+7", "7.0", "1e3", "x", "2147483647", "2147483648", "9" * 18, "9" * 19, "\t7"]
    odd += ["0", "0.5", ".5", "5.", "+4", "4e0", "4E-0", "40e-1", "4e", "1e309", "NaN", "inf", "0.49", "5.01", "4_0"]
    odd += ["\u0663", "\uff11", "4 ", " 4", "0x4", "4f", "4.0d", "--4", "."]
    rated = [(value, "1", "4") for value in odd] + [("1", str(index), value) for index, value in enumerate(odd)]
    parsed = parse("".join(f"2005-09-06,{','.join(row)}\n" for row in rated).encode())

    text = dict(zip(RATING_COLUMNS, (pa.array(column) for column in zip(*rated, strict=True)), strict=True))
    text["timestamp"] = pa.repeat("1125964800", len(rated))
    form = RawForm(tuple(text))
    places = {"_line": pa.array(range(2, len(rated) + 2)), "_source_file": pa.repeat("file.csv", len(rated))}
    silver = clean_ratings(pa.table(typed(text, form) | places), form, NOW)
    assert reasons(parsed) == {row["line"]: row["reasons"] for row in silver.quarantined.to_pylist()}
    kept = silver.good.read_all().select(RATING_COLUMNS)
    assert parsed.good.select(RATING_COLUMNS).sort_by("movie_id") == kept.sort_by("movie_id")
