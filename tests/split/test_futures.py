"""The export of the future ratings."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reco_assets.split.futures import write_futures_csv
from resources.files import NoRegularFileError

pytestmark = pytest.mark.both_engines

SCHEMA = "user_id int, movie_id int, rating float, rating_ts timestamp"
ROWS = [
    (2, 10, 3.5, datetime(2018, 9, 24, 14, 27, 30, tzinfo=UTC)),
    (1, 11, 4.0, datetime(2018, 9, 24, 14, 27, 30, tzinfo=UTC)),
    (3, 12, 0.5, datetime(2018, 9, 24, 0, 0, 5, tzinfo=UTC)),
]


def test_futures_are_written_oldest_first_with_the_time_in_utc(spark: Any, tmp_path: Path) -> None:
    path = tmp_path / "processed" / "future.csv"
    assert write_futures_csv(spark.createDataFrame(ROWS, SCHEMA), path) == 3
    assert path.read_text().splitlines() == [
        "DATE,CUST_ID,MOVIE_ID,RATING",
        "2018-09-24 00:00:05,3,12,0.5",
        "2018-09-24 14:27:30,1,11,4",
        "2018-09-24 14:27:30,2,10,3.5",
    ]


def test_futures_replace_the_earlier_file_and_leave_nothing_beside_it(spark: Any, tmp_path: Path) -> None:
    path = tmp_path / "future.csv"
    write_futures_csv(spark.createDataFrame(ROWS, SCHEMA), path)
    assert write_futures_csv(spark.createDataFrame(ROWS[:1], SCHEMA), path) == 1
    assert len(path.read_text().splitlines()) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_no_futures_give_a_file_with_only_the_header(spark: Any, tmp_path: Path) -> None:
    path = tmp_path / "future.csv"
    assert write_futures_csv(spark.createDataFrame([], SCHEMA), path) == 0
    assert path.read_text() == "DATE,CUST_ID,MOVIE_ID,RATING\n"


def test_futures_never_replace_a_pipe(spark: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(NoRegularFileError):
        write_futures_csv(spark.createDataFrame(ROWS, SCHEMA), pipe)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
