"""The first rows of a table are those that its dataset has first, whatever its files are like."""

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from resources.tables.files import dataset_at
from resources.tables.first_rows import first_rows

ROWS = pa.table({"movie": pa.array(range(12), pa.int32()), "stars": [1.5] * 12, "year": ["1999", "2000", "2001"] * 4})


@pytest.mark.parametrize("count", [1, 5, 12, 20])
@pytest.mark.parametrize("by", [None, ["year"]])
def test_they_are_those_of_the_dataset_across_files_and_groups_of_rows(
    by: list[str] | None, count: int, tmp_path: Path
) -> None:
    write_deltalake(tmp_path, ROWS, partition_by=by, target_file_size=1)
    table = dataset_at(tmp_path)
    assert first_rows(table, count).equals(table.head(count))
    assert first_rows(table, count, ["year", "movie"]).equals(table.head(count, columns=["year", "movie"]))


def test_files_without_a_row_or_a_column_that_came_later_do_not_end_them(tmp_path: Path) -> None:
    pq.write_table(ROWS[:0], tmp_path / "1.parquet")
    pq.write_table(ROWS.drop_columns("stars")[:2], tmp_path / "2.parquet")
    pq.write_table(ROWS[2:], tmp_path / "3.parquet", row_group_size=3)
    table = ds.dataset(tmp_path, ROWS.schema)
    assert first_rows(table, 9).equals(table.head(9))
    assert first_rows(ds.dataset(tmp_path / "1.parquet"), 3).num_rows == 0
