"""A file in another scale, unit or format is refused whole, with what to do; one with a few bad rows is not."""

import csv
import io
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reco_assets.sources import movielens, netflix
from reco_assets.sources.layout import RawForm
from reco_assets.sources.raw_forms import raw_schema
from reco_assets.sources.source import RawTable, SourceError
from reco_assets.sources.unreadable import MIN_ROWS, watched
from reco_assets.streaming.readable import require_readable_stream
from reco_assets.streaming.reader import parse_stream_file

NOW = datetime(2026, 1, 2, tzinfo=UTC)

LIMIT = 0.05
GOOD = ("7", "10", "3.5", "1000000000")


def ratings_file(folder: Path, rows: Iterable[tuple[str, ...]]) -> Path:
    path = folder / "ratings.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows([movielens.RATINGS.names, *rows])
    (folder / "movies.csv").write_text("movieId,title,genres\n10,Heat (1995),Crime\n")
    return path


def read(table: RawTable, *files: Path, limit: float = LIMIT) -> int:
    return sum(len(batch) for batch in watched(table, {path.name: path for path in files}, limit, NOW).batches())


def refusal(folder: Path, rows: Iterable[tuple[str, ...]]) -> str:
    """What is said of a ratings file that is refused."""
    path = ratings_file(folder, rows)
    with pytest.raises(SourceError) as refused:
        read(movielens.source(folder).ratings, path)
    return str(refused.value)


def is_read(folder: Path, bad: int, good: int, limit: float = LIMIT) -> bool:
    path = ratings_file(folder, [("x", *GOOD[1:])] * bad + [GOOD] * good)
    try:
        return read(movielens.source(folder).ratings, path, limit=limit) == bad + good
    except SourceError:
        return False


@pytest.mark.parametrize(
    ("bad", "good", "expected"),
    [
        (0, 0, True),
        (1, 2, True),  # one bad row of three is no mass
        (MIN_ROWS - 1, 1, True),
        (MIN_ROWS, 1, False),
        (1, 0, False),  # nothing is left
        (50, 950, True),
        (51, 949, False),
    ],
)
def test_count_and_share_decide(tmp_path: Path, bad: int, good: int, expected: bool) -> None:
    assert is_read(tmp_path, bad, good) is expected


def test_the_limit_is_a_setting_and_at_1_every_file_is_read(tmp_path: Path) -> None:
    assert is_read(tmp_path, 100, 900, limit=0.1)
    assert not is_read(tmp_path, 101, 899, limit=0.1)
    assert is_read(tmp_path, 100, 0, limit=1.0)


def test_the_message_has_file_counts_reasons_three_lines_and_the_setting(tmp_path: Path) -> None:
    said = refusal(tmp_path, [GOOD] * 20 + [("7", "10", "9", "x")] * 12 + [("7", "10", "9", "1000000000")] * 8)
    for part in (
        f"{tmp_path}/ratings.csv: 20 of 40 rows (50.0%) break a rule, more than QUARANTINE_MAX_SHARE=0.05",
        "rating_out_of_range 20, invalid_timestamp 12",
        "line 22: 7,10,9,x | line 23: 7,10,9,x | line 24: 7,10,9,x.",
        "No row of the file was loaded, and nothing replaced.",
        "QUARANTINE_MAX_SHARE=1",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("column", "value", "remark"),
    [
        (2, "8", "as on a scale of 1 to 10: halve every rating"),
        (2, "85", "go up to 85: convert every rating"),
        (2, "0", "A rating of 0 or less is none"),
        (2, "3.7", "round every rating of the file to the nearest half"),
        (2, "3,5", "decimal commas: write 3.5 for 3,5"),
        (2, "70%", "fractions or percentages"),
        (2, "good", "Ratings are stars from 0.5 to 5"),
        (2, "", "Ratings are stars from 0.5 to 5"),
        (3, "2024-01-31T10:00:00+02:00", "fromisoformat"),
        (3, "2024-01-31 10:00:00Z", "fromisoformat"),
        (3, "2024-01-31", "fromisoformat"),
        (3, "1704103200000", "milliseconds: take off the last 3 digits"),
        (3, "964982703000", "milliseconds: take off the last 3 digits"),
        (3, "964982703000000", "microseconds: take off the last 6 digits"),
        (3, "1704103200000000", "microseconds: take off the last 6 digits"),
        (3, "1704103200000000000", "nanoseconds: take off the last 9 digits"),
        (3, "1704103200.25", "fractions of a second"),
        (3, "31/01/2024", "Times are Unix seconds"),
        (3, "4102444800", "more than a day ahead"),
        (0, "u-17", "Ids are whole numbers"),
        (0, "17.0", "take off the point and the noughts"),
        (1, "9999999999", "number them anew, up to 2147483647"),
        (1, "", "Their movie_id is empty"),
    ],
)
def test_what_is_wrong_with_all_values_is_recognised(tmp_path: Path, column: int, value: str, remark: str) -> None:
    row = (*GOOD[:column], value, *GOOD[column + 1 :])
    assert remark in refusal(tmp_path, [row] * 30)


def test_the_advised_command_makes_the_file_readable(tmp_path: Path) -> None:
    stars = [("9", "10", str(rating), "1000000000") for rating in range(1, 11)] * 5
    advised = refusal(tmp_path, stars).split("doubled: ")[1].split(" > HALVED.")[0]
    halved = subprocess.run(
        advised.replace("FILE", "ratings.csv"), shell=True, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    rows = list(csv.reader(io.StringIO(halved)))
    assert tuple(rows[0]) == movielens.RATINGS.names
    ratings_file(tmp_path, [tuple(row) for row in rows[1:]])
    assert read(movielens.source(tmp_path).ratings) == 50
    assert [float(row[2]) for row in rows[1:11]] == [half / 2 for half in range(1, 11)]


def test_one_bad_file_of_several_is_refused_however_small_its_part_is(tmp_path: Path) -> None:
    good, bad = tmp_path / "combined_data_1.txt", tmp_path / "combined_data_2.txt"
    good.write_text("1:\n" + "7,4,2005-01-01\n" * 1000)
    bad.write_text("2:\n" + "7,4,01/02/2005\n" * 20)
    with pytest.raises(SourceError, match=r"combined_data_2\.txt: 20 of 20 .* line 2: 7,4,01/02/2005 .* begin with"):
        read(netflix.blocks_table({path.name: path for path in (good, bad)}), good, bad)


def test_the_advised_column_is_the_one_of_the_block_format(tmp_path: Path) -> None:
    path = tmp_path / "combined_data_1.txt"
    path.write_text("1:\n" + "7,9,2005-01-01\n" * 20)
    with pytest.raises(SourceError, match=r"\{\$2 /= 2\}"):
        read(netflix.blocks_table({path.name: path}), path)


@pytest.mark.parametrize("name", ["movies", "tags"])
def test_movies_and_tags_are_judged_too(tmp_path: Path, name: str) -> None:
    ratings_file(tmp_path, [GOOD])
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n" + "tt0113277,Heat (1995),Crime\n" * 20)
    (tmp_path / "tags.csv").write_text("userId,movieId,tag,timestamp\n" + "7,10,slow,2024-01-31\n" * 20)
    with pytest.raises(SourceError, match=rf"{name}\.csv: 20 of 20 rows"):
        read(getattr(movielens.source(tmp_path), name), tmp_path / f"{name}.csv")


def test_what_a_file_holds_cannot_steer_the_terminal_nor_fill_it(tmp_path: Path) -> None:
    said = refusal(tmp_path, [("\x1b[2J" + "x" * 500, *GOOD[1:])] * 20)
    assert "\x1b" not in said
    assert len(said) < 1_000


@pytest.mark.parametrize(
    ("date", "rating", "remark"),
    [
        ("2024-01-31T10:00:00+02:00", "4", "carry an offset from UTC"),
        ("2024-01-31T10:00:00Z", "4", "carry an offset from UTC"),
        ("2024-01-31 10:00:00.5", "4", "not to the second"),
        ("31.01.2024", "4", "do not begin with the year"),
        ("1704103200", "4", "Unix times: write dates"),
        ("2024-01-31", '"3,5"', "decimal commas"),
        ("2024-01-31", "3,5", "more or fewer fields than the header"),
        ("2024-01-31", "9", "{$4 /= 2}"),
    ],
)
def test_a_streamed_file_is_judged_alike(tmp_path: Path, date: str, rating: str, remark: str) -> None:
    path = tmp_path / "news.csv"
    path.write_text("DATE,CUST_ID,MOVIE_ID,RATING\n" + f"{date},7,10,{rating}\n" * 20)
    parsed = parse_stream_file(path, 1_800_000_000_000_000_000)
    with pytest.raises(SourceError) as refused:
        require_readable_stream(path, parsed, LIMIT)
    assert remark in str(refused.value)
    require_readable_stream(path, parsed, 1.0)


def test_a_streamed_file_may_correct_itself(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("DATE,CUST_ID,MOVIE_ID,RATING\n" + "2024-01-31,7,10,4\n2024-01-31,7,10,5\n" * 20)
    require_readable_stream(path, parse_stream_file(path, 1_800_000_000_000_000_000), LIMIT)


def test_an_empty_table_is_readable() -> None:
    nothing = raw_schema(RawForm(movielens.RATINGS.fields)).empty_table().to_batches()
    assert read(RawTable(movielens.RATINGS, lambda: iter(nothing))) == 0
