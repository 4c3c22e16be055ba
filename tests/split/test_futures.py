"""The export of the future ratings."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from reco_assets.split import futures
from reco_assets.split.futures import write_futures_csv
from reco_assets.split.history import export_futures
from reco_assets.tables import FUTURE_RATINGS
from resources.files import NoRegularFileError
from resources.tables.lakehouse import Lakehouse

SCHEMA = pa.schema(
    [
        ("user_id", pa.int32()),
        ("movie_id", pa.int32()),
        ("rating", pa.float32()),
        ("rating_ts", pa.timestamp("us", tz="UTC")),
    ]
)
ROWS = [
    (2, 10, 3.5, datetime(2018, 9, 24, 14, 27, 30, tzinfo=UTC)),
    (1, 11, 4.0, datetime(2018, 9, 24, 14, 27, 30, tzinfo=UTC)),
    (3, 12, 0.5, datetime(2018, 9, 24, 0, 0, 5, 250_000, tzinfo=UTC)),
]


def future_of(rows: list[tuple[int, int, float, datetime]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def test_futures_are_written_oldest_first_with_the_time_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "processed" / "future.csv"
    assert write_futures_csv(future_of(ROWS), path) == 3
    assert path.read_text().splitlines() == [
        "DATE,CUST_ID,MOVIE_ID,RATING",
        "2018-09-24 00:00:05,3,12,0.5",
        "2018-09-24 14:27:30,1,11,4",
        "2018-09-24 14:27:30,2,10,3.5",
    ]


@pytest.mark.both_engines
def test_the_future_table_is_exported_oldest_first(make_lakehouse: Callable[..., Lakehouse], tmp_path: Path) -> None:
    lakehouse = make_lakehouse(spark_in_memory_rows=0)
    rows = future_of(ROWS).append_column("origin", pa.array(["history"] * len(ROWS)))
    lakehouse.write(FUTURE_RATINGS, rows)
    write_futures_csv(rows, tmp_path / "expected.csv")
    assert export_futures(lakehouse, tmp_path / "future.csv") == len(ROWS)
    assert (tmp_path / "future.csv").read_text() == (tmp_path / "expected.csv").read_text()
    assert not [*lakehouse.path("silver").glob("*_in_order")]


def test_futures_replace_the_earlier_file_and_leave_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "future.csv"
    write_futures_csv(future_of(ROWS), path)
    assert write_futures_csv(future_of(ROWS[:1]), path) == 1
    assert len(path.read_text().splitlines()) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_no_futures_give_a_file_with_only_the_header(tmp_path: Path) -> None:
    path = tmp_path / "future.csv"
    assert write_futures_csv(future_of([]), path) == 0
    assert path.read_text() == "DATE,CUST_ID,MOVIE_ID,RATING\n"


def test_futures_never_replace_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(NoRegularFileError):
        write_futures_csv(future_of(ROWS), pipe)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_many_futures_are_oldest_first_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(futures, "ROWS_AT_ONCE", 3_000)
    started = datetime(2018, 9, 24, tzinfo=UTC)
    rows = [(n, 1, 4.0, started + timedelta(seconds=n * 7_919 % 20_011)) for n in range(20_000)]
    write_futures_csv(future_of(rows), tmp_path / "future.csv")
    times = [line.split(",")[0] for line in (tmp_path / "future.csv").read_text().splitlines()[1:]]
    assert len(times) == len(rows)
    assert times == sorted(times)
