"""Rows and how far their stream was read are one commit, which of two writers only the first one makes."""

import pyarrow as pa
import pytest
from pyspark.sql.types import IntegerType, StructField, StructType

from resources.tables.files import LakehouseError, TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.positions import OvertakenError, append_from, read_positions

TABLE = TableSpec("events/any", StructType([StructField("id", IntegerType())]))


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int32())})


def held(lakehouse: Lakehouse) -> list[int]:
    return sorted(lakehouse.dataset(TABLE.name).to_table()["id"].to_pylist())


def test_a_stream_goes_on_where_its_last_commit_ended(lakehouse: Lakehouse) -> None:
    first = read_positions(lakehouse, TABLE)
    assert first.of("a") is None
    append_from(lakehouse, TABLE, first, rows(1), {"a": 10})
    append_from(lakehouse, TABLE, read_positions(lakehouse, TABLE), rows(), {"b": 3})
    last = read_positions(lakehouse, TABLE)
    assert (last.of("a"), last.of("b"), held(lakehouse)) == (10, 3, [1])


@pytest.mark.parametrize("stream", ["a", "b"])
def test_who_is_overtaken_appends_nothing_also_of_another_stream(lakehouse: Lakehouse, stream: str) -> None:
    one, other = read_positions(lakehouse, TABLE), read_positions(lakehouse, TABLE)
    append_from(lakehouse, TABLE, one, rows(1), {"a": 10})
    with pytest.raises(OvertakenError, match="events/any was written to by somebody else"):
        append_from(lakehouse, TABLE, other, rows(2), {stream: 5})
    assert held(lakehouse) == [1]


def test_other_columns_than_the_declared_are_refused(lakehouse: Lakehouse) -> None:
    with pytest.raises(LakehouseError, match="Table events/any must have the columns"):
        append_from(lakehouse, TABLE, read_positions(lakehouse, TABLE), pa.table({"id": ["x"]}), {})
