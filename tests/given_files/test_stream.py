"""Files that are given are processed and merged as the platform's own: nothing lost, doubled or half done."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reco_assets.given_files import process as given_process
from reco_assets.given_files import tables as given_tables
from reco_assets.given_files.process import process_file
from reco_assets.given_files.stream import merge_folders
from reco_assets.sources.source import SourceError
from reco_assets.streaming.landing import LandingError
from resources.settings import Settings, load_settings
from resources.tables.files import LakehouseError, dataset_at

HEADER = "DATE,CUST_ID,MOVIE_ID,RATING\n"
SCHEMA = pa.schema(
    {
        "user_id": pa.int32(),
        "movie_id": pa.int32(),
        "rating": pa.float32(),
        "rating_ts": pa.timestamp("us", tz="UTC"),
        "origin": pa.string(),
    }
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", reco_engine="embedded")


def csv_file(path: Path, rows: int = 200) -> Path:
    lines = (
        f"2020-01-01 00:00:{number % 60:02},{number},{number % 7 + 1},{number % 10 / 2 + 0.5}" for number in range(rows)
    )
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


def ratings(*rows: tuple[int, int, float], origin: str = "history", second: int = 0) -> pa.Table:
    moment = datetime(2020, 1, 1, 0, 0, second, tzinfo=UTC)
    return pa.Table.from_pylist(
        [
            {"user_id": user, "movie_id": movie, "rating": rating, "rating_ts": moment, "origin": origin}
            for user, movie, rating in rows
        ],
        SCHEMA,
    )


def put(folder: Path, table: pa.Table, storage_format: str = "parquet") -> Path:
    if storage_format == "delta":
        write_deltalake(str(folder), table)
    else:
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part.parquet")
    return folder


def rows_of(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dataset_at(folder).to_table().to_pylist()
    return sorted(found, key=lambda row: (row["user_id"], row["movie_id"], row["rating_ts"]))


def files(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder, with what is in it."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_process_parts_a_file_into_train_and_test_and_archives_the_original(settings: Settings, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "current.csv")
    content = path.read_bytes()
    said = process_file(settings, path, tmp_path / "out", move=True)
    assert (
        said["lines"]
        == said["good"]
        == len(rows_of(tmp_path / "out/train")) + len(rows_of(tmp_path / "out/test"))
        == 200
    )
    assert 0.7 < said["train"] / 200 < 0.9
    assert not path.exists()
    assert (tmp_path / "out/archive" / f"{said['batch']}.csv").read_bytes() == content


def test_processing_the_same_content_again_doubles_nothing(settings: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        process_file(settings, csv_file(tmp_path / "current.csv"), tmp_path / "out", move=True)
    assert len(rows_of(tmp_path / "out/train")) + len(rows_of(tmp_path / "out/test")) == 200


def test_a_file_with_a_wrong_header_stays_and_the_error_names_it(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "current.csv"
    path.write_text("CUST_ID,DATE,MOVIE_ID,RATING\n1,2020-01-01,1,4\n")
    with pytest.raises(SourceError, match=r"current\.csv, line 1: the header must be"):
        process_file(settings, path, tmp_path / "out", move=True)
    assert path.exists()


def test_a_file_that_is_not_to_be_moved_stays_and_is_archived_all_the_same(settings: Settings, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "current.csv")
    said = process_file(settings, path, tmp_path / "out", move=False)
    assert path.read_bytes() == (tmp_path / "out/archive" / f"{said['batch']}.csv").read_bytes()


def test_a_file_that_a_process_still_writes_to_is_not_processed(settings: Settings, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "current.csv")
    with path.open("a"), pytest.raises(LandingError, match="a process has it open for writing"):
        process_file(settings, path, tmp_path / "out", move=True)
    assert path.exists()
    assert not (tmp_path / "out").exists()


def test_the_copy_is_not_written_through_a_link(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    (tmp_path / "out" / "archive").mkdir(parents=True)
    (tmp_path / "out" / "archive" / ".copy").symlink_to(tmp_path / "private")
    process_file(settings, csv_file(tmp_path / "current.csv"), tmp_path / "out", move=False)
    assert (tmp_path / "private").read_text() == "mine"


def test_process_refuses_to_mix_parts_with_another_table_and_leaves_the_file(
    settings: Settings, tmp_path: Path
) -> None:
    path = csv_file(tmp_path / "current.csv")
    put(tmp_path / "out/test", ratings((1, 1, 4.0)).drop_columns("origin"))
    before = files(tmp_path)
    with pytest.raises(LakehouseError, match=r"out/test must have the columns .* origin string"):
        process_file(settings, path, tmp_path / "out", move=True)
    assert files(tmp_path) == before
    put(tmp_path / "lake/train", ratings((1, 1, 4.0)), "delta")
    with pytest.raises(LakehouseError, match=r"lake/train is a Delta table"):
        process_file(settings, path, tmp_path / "lake", move=True)
    assert path.exists()


def test_a_file_whose_lines_are_not_all_found_again_is_kept_and_nothing_of_it_seen(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = csv_file(tmp_path / "current.csv")
    write = given_process.write_part
    monkeypatch.setattr(given_process, "write_part", lambda folder, rows: write(folder, rows.slice(1)))
    before = files(tmp_path)
    with pytest.raises(LakehouseError, match=r"current\.csv: 200 data lines, but 198 rows written and 0 duplicates"):
        process_file(settings, path, tmp_path / "out", move=True)
    assert files(tmp_path) == before


def test_a_file_that_grows_while_it_is_read_is_kept_and_nothing_of_it_seen(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = csv_file(tmp_path / "current.csv")
    parse = given_process.parse_stream_file

    def grow(found: Path, taken_ns: int) -> Any:
        parsed = parse(found, taken_ns)
        with found.open("a") as handle:
            handle.write("2020-01-01,1,1,1\n")
        return parsed

    monkeypatch.setattr(given_process, "parse_stream_file", grow)
    with pytest.raises(LakehouseError, match=r"current\.csv was written to meanwhile"):
        process_file(settings, path, tmp_path / "out", move=True)
    assert list(files(tmp_path)) == [Path("current.csv")]


@pytest.mark.slow
@pytest.mark.parametrize("step", given_process.STEPS)
def test_a_process_killed_anywhere_is_finished_by_the_next_one(settings: Settings, tmp_path: Path, step: str) -> None:
    path = csv_file(tmp_path / "current.csv")
    content = path.read_bytes()
    command = [sys.executable, "-m", "reco_assets.cli", "stream", "process", "--move"]
    command += ["--csv_path", str(path), "--output_path", str(tmp_path / "out")]
    killed = {"RECO_CRASH_AT": step, "LAKEHOUSE_PATH": str(tmp_path / "lake")}
    assert subprocess.run(command, env={**os.environ, **killed}, check=False).returncode == -signal.SIGKILL
    assert path.read_bytes() == content
    said = process_file(settings, path, tmp_path / "out", move=True)
    rows = [row for side in ("train", "test") for row in rows_of(tmp_path / "out" / side)]
    assert (len(rows), said["good"], path.exists()) == (200, 200, False)
    assert (tmp_path / "out/archive" / f"{said['batch']}.csv").read_bytes() == content


def test_a_file_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=r"gone\.csv is no file"):
        process_file(settings, tmp_path / "gone.csv", tmp_path / "out", move=True)


@pytest.mark.parametrize("storage_format", ["parquet", "delta"])
def test_merge_adds_new_rows_and_corrects_known_ones_once(tmp_path: Path, storage_format: str) -> None:
    put(tmp_path / "processed/train", ratings((1, 1, 4.0), (5, 1, 4.0)), storage_format)
    put(tmp_path / "processed/test", ratings((2, 1, 3.0)), storage_format)
    put(tmp_path / "stream/train", ratings((1, 1, 1.0), (3, 1, 5.0), (5, 1, 4.0), origin="batch"))
    put(tmp_path / "stream/test", ratings((4, 1, 2.0), origin="batch"))
    first = merge_folders(tmp_path / "stream", tmp_path / "processed")
    again = merge_folders(tmp_path / "stream", tmp_path / "processed")
    assert first == {
        "train_rows_added": 1,
        "test_rows_added": 1,
        "train_rows_corrected": 1,
        "test_rows_corrected": 0,
    }
    assert set(again.values()) == {0}
    assert [(row["user_id"], row["rating"], row["origin"]) for row in rows_of(tmp_path / "processed/train")] == [
        (1, 1.0, "batch"),
        (3, 5.0, "batch"),
        (5, 4.0, "history"),
    ]


def test_merge_puts_a_pair_on_the_side_that_has_it(tmp_path: Path) -> None:
    put(tmp_path / "processed/train", ratings((1, 1, 4.0)))
    put(tmp_path / "processed/test", ratings((2, 1, 3.0)))
    put(tmp_path / "stream/train", ratings((2, 1, 5.0), origin="batch", second=9))
    put(tmp_path / "stream/test", ratings((1, 1, 1.0), origin="batch", second=9))
    merge_folders(tmp_path / "stream", tmp_path / "processed")
    assert [row["user_id"] for row in rows_of(tmp_path / "processed/train")] == [1, 1]
    assert [row["user_id"] for row in rows_of(tmp_path / "processed/test")] == [2, 2]


@pytest.mark.parametrize("storage_format", ["parquet", "delta"])
def test_of_rows_of_a_key_in_several_parts_the_last_written_stands(tmp_path: Path, storage_format: str) -> None:
    put(tmp_path / "processed/train", ratings((9, 9, 4.0)))
    put(tmp_path / "processed/test", ratings((8, 9, 3.0)))
    put(tmp_path / "stream/test", ratings((4, 1, 2.0), origin="a"))
    folder = tmp_path / "stream/train"
    for number, stars in enumerate((5.0, 1.0, 2.0)):
        table = ratings((1, 1, stars), origin=str(number))
        if storage_format == "delta":
            write_deltalake(str(folder), table, mode="append")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, folder / f"{number:08}-{9 - number}.parquet")
    assert merge_folders(tmp_path / "stream", tmp_path / "processed")["train_rows_added"] == 1
    assert rows_of(tmp_path / "processed/train")[0]["rating"] == 2.0


def test_of_a_table_that_holds_a_rating_twice_the_last_is_corrected_once(tmp_path: Path) -> None:
    twice = pa.concat_tables([ratings((1, 1, 4.0)), ratings((1, 1, 3.0))])
    put(tmp_path / "processed/train", twice)
    put(tmp_path / "processed/test", ratings((2, 1, 3.0)))
    put(tmp_path / "stream/train", ratings((1, 1, 5.0), origin="batch"))
    put(tmp_path / "stream/test", ratings((3, 1, 5.0), origin="batch"))
    assert merge_folders(tmp_path / "stream", tmp_path / "processed")["train_rows_corrected"] == 1
    assert [row["rating"] for row in rows_of(tmp_path / "processed/train")] == [5.0]


def test_a_file_processed_later_corrects_one_before_whatever_their_content_hashes_to(
    settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path / "processed/train", ratings((9, 9, 4.0)))
    put(tmp_path / "processed/test", ratings((8, 9, 3.0)))
    for stars in (1, 2, 3, 4, 5, 3):
        (tmp_path / "current.csv").write_text(f"{HEADER}2020-01-01,1,1,{stars}\n")
        process_file(settings, tmp_path / "current.csv", tmp_path / "stream", move=True)
    merge_folders(tmp_path / "stream", tmp_path / "processed")
    merged = [row for side in ("train", "test") for row in rows_of(tmp_path / "processed" / side)]
    assert [row["rating"] for row in merged if row["user_id"] == 1] == [5.0]  # 3 was known, as a file is taken in once


@pytest.mark.parametrize("missing", ["stream/train", "stream/test", "processed/train", "processed/test"])
def test_merge_names_a_folder_that_is_no_table_and_writes_nothing(tmp_path: Path, missing: str) -> None:
    tables = ("stream/train", "stream/test", "processed/train", "processed/test")
    for number, table in enumerate(tables):
        if table != missing:
            put(tmp_path / table, ratings((number, 1, 4.0)))
    before = files(tmp_path)
    with pytest.raises(LakehouseError, match=f"{missing} is no Parquet or Delta folder"):
        merge_folders(tmp_path / "stream", tmp_path / "processed")
    assert files(tmp_path) == before


def test_merge_names_a_folder_that_is_not_there_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=r"processed is no folder with train/ and test/"):
        merge_folders(tmp_path / "stream", tmp_path / "processed")
    assert files(tmp_path) == {}


@pytest.mark.parametrize("storage_format", ["parquet", "delta"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ratings((1, 1, 4.0)).append_column("more", pa.array([1])), "has .* more bigint"),
        (ratings((1, 1, 4.0)).drop_columns("origin"), "must have the columns .* origin string, and has"),
        (ratings((1, 1, 4.0)).set_column(2, "rating", pa.array(["4"])), "must have the columns .* rating float"),
    ],
    ids=["one more", "one missing", "another type"],
)
def test_merge_refuses_a_table_with_other_columns_and_leaves_it(
    tmp_path: Path, wrong: pa.Table, said: str, storage_format: str
) -> None:
    put(tmp_path / "stream/train", ratings((3, 1, 5.0), origin="batch"))
    put(tmp_path / "stream/test", ratings((4, 1, 5.0), origin="batch"))
    put(tmp_path / "processed/train", ratings((2, 1, 5.0)), storage_format)
    put(tmp_path / "processed/test", wrong, storage_format)
    before = files(tmp_path)
    with pytest.raises(LakehouseError, match=f"processed/test .*{said}"):
        merge_folders(tmp_path / "stream", tmp_path / "processed")
    assert files(tmp_path) == before


def test_new_ratings_of_other_programs_get_the_platforms_types_and_what_is_none_is_named(tmp_path: Path) -> None:
    put(tmp_path / "processed/train", ratings((1, 1, 4.0)))
    put(tmp_path / "processed/test", ratings((2, 1, 3.0)))
    by_pandas = pa.schema({"user_id": pa.int64(), "movie_id": pa.int64(), "rating": pa.float64()})
    new = ratings((1, 1, 2.5), origin="batch")
    for name in by_pandas.names:
        new = new.set_column(new.column_names.index(name), name, new[name].cast(by_pandas.field(name).type))
    put(tmp_path / "stream/train", new)
    put(tmp_path / "stream/test", new.slice(0, 0))
    merge_folders(tmp_path / "stream", tmp_path / "processed")
    assert dataset_at(tmp_path / "processed/train").to_table().schema.equals(SCHEMA)
    assert rows_of(tmp_path / "processed/train")[0]["rating"] == 2.5
    pq.write_table(new.set_column(0, "user_id", pa.array([2**40])), tmp_path / "stream/train/part.parquet")
    with pytest.raises(LakehouseError, match=r"stream/train holds no ratings as the platform .*1099511627776"):
        merge_folders(tmp_path / "stream", tmp_path / "processed")


@pytest.mark.parametrize("storage_format", ["parquet", "delta"])
def test_a_merge_that_cannot_write_leaves_what_was_there(
    tmp_path: Path, storage_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side, user in (("train", 1), ("test", 2)):
        put(tmp_path / "processed" / side, ratings((user, 1, 4.0)), storage_format)
        put(tmp_path / "stream" / side, ratings((user, 1, 1.0), (user, 2, 1.0), origin="batch"))
    before = {side: rows_of(tmp_path / "processed" / side) for side in ("train", "test")}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(given_tables, "put_changes", full)
    with pytest.raises(OSError, match="No space left"):
        merge_folders(tmp_path / "stream", tmp_path / "processed")
    monkeypatch.undo()
    assert {side: rows_of(tmp_path / "processed" / side) for side in ("train", "test")} == before
    assert merge_folders(tmp_path / "stream", tmp_path / "processed")["test_rows_corrected"] == 1


def test_of_two_merges_at_once_each_row_is_added_by_one(tmp_path: Path) -> None:
    for side, user in (("train", 1), ("test", 2)):
        put(tmp_path / "processed" / side, ratings((user, 1, 4.0)))
        put(tmp_path / "stream" / side, ratings(*((user, movie, 1.0) for movie in range(2, 50)), origin="batch"))
    with ThreadPoolExecutor(4) as pool:
        merging = partial(merge_folders, tmp_path / "stream", tmp_path / "processed")
        said = [merged.result() for merged in [pool.submit(merging) for _ in range(4)]]
    assert sorted(one["train_rows_added"] for one in said) == [0, 0, 0, 48]
    assert len(rows_of(tmp_path / "processed/train")) == len(rows_of(tmp_path / "processed/test")) == 49


def pairs_of(folder: Path) -> list[set[tuple[int, int]]]:
    """The pairs of each side that is there."""
    sides = (folder / side for side in ("train", "test") if (folder / side).is_dir())
    return [{(row["user_id"], row["movie_id"]) for row in rows_of(side)} for side in sides]


def with_ratio(settings: Settings, ratio: float) -> Settings:
    return settings.changed(stream_train_ratio=ratio, quarantine_max_share=1.0)


def test_a_pair_stays_on_its_side_whatever_ratio_a_later_file_is_processed_with(
    settings: Settings, tmp_path: Path
) -> None:
    process_file(with_ratio(settings, 0.99), csv_file(tmp_path / "a.csv"), tmp_path / "out", move=True)
    before = pairs_of(tmp_path / "out")
    later = csv_file(tmp_path / "b.csv", rows=300)
    process_file(with_ratio(settings, 0.01), later, tmp_path / "out", move=True)
    assert all(old <= now for old, now in zip(before, pairs_of(tmp_path / "out"), strict=True))
    assert not set.intersection(*pairs_of(tmp_path / "out"))


def test_a_file_that_is_processed_again_keeps_its_sides_whatever_the_ratio(settings: Settings, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "current.csv")
    process_file(settings, path, tmp_path / "out", move=False)
    before = files(tmp_path / "out")
    process_file(with_ratio(settings, 0.1), path, tmp_path / "out", move=False)
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize(("earlier", "later"), [("train", "test"), ("test", "train")])
def test_a_new_pair_on_both_sides_is_merged_into_the_one_that_it_came_to_first(
    tmp_path: Path, earlier: str, later: str
) -> None:
    put(tmp_path / "processed/train", ratings((8, 8, 4.0)))
    put(tmp_path / "processed/test", ratings((9, 9, 4.0)))
    for number, side in enumerate((earlier, later)):
        folder = tmp_path / "stream" / side
        folder.mkdir(parents=True)
        pq.write_table(ratings((1, 1, 1.0 + number), second=number), folder / f"{number:08}-batch.parquet")
    merge_folders(tmp_path / "stream", tmp_path / "processed")
    found = [row["rating"] for row in rows_of(tmp_path / "processed" / earlier) if row["user_id"] == 1]
    assert found == [1.0, 2.0]
    assert not set.intersection(*pairs_of(tmp_path / "processed"))


RATED = st.tuples(st.integers(1, 4), st.integers(1, 2), st.sampled_from([1.0, 3.5]), st.integers(0, 1))
FILE = st.tuples(st.sampled_from([0.01, 0.3, 0.8, 0.99]), st.lists(RATED, min_size=1, max_size=6))


@pytest.mark.parametrize("storage_format", ["parquet", "delta"])
@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FILE | st.just("merge"), min_size=1, max_size=5))
def test_however_files_are_processed_and_merged_the_last_value_of_each_rating_stands_on_one_side(
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    storage_format: str,
    runs: list[Any],
) -> None:
    folder = tmp_path_factory.mktemp("given")
    put(folder / "processed/train", ratings((1, 1, 4.0)), storage_format)
    put(folder / "processed/test", ratings((2, 1, 3.0)), storage_format)
    expected = {(1, 1, 0): 4.0, (2, 1, 0): 3.0}
    for number, run in enumerate([*runs, "merge"]):
        if run == "merge":
            if (folder / "s").is_dir():
                merge_folders(folder / "s", folder / "processed")
        else:
            ratio, rows = run
            lines = [f"2020-01-01 00:00:{second:02},{user},{movie},{stars}" for user, movie, stars, second in rows]
            lines.append(f"2020-01-02,{100 + number},1,5")  # so that no two files are the same
            (folder / "current.csv").write_text(HEADER + "\n".join(lines) + "\n")
            process_file(with_ratio(settings, ratio), folder / "current.csv", folder / "s", move=True)
            expected |= {(user, movie, second): stars for user, movie, stars, second in rows}
            expected[100 + number, 1, 0] = 5.0
        assert not set.intersection(*pairs_of(folder / "processed"))
        assert not (folder / "s").is_dir() or not set.intersection(*pairs_of(folder / "s"))
    found = [row for side in ("train", "test") for row in rows_of(folder / "processed" / side)]
    assert len(found) == len(expected)
    assert {(row["user_id"], row["movie_id"], row["rating_ts"].second): row["rating"] for row in found} == expected
