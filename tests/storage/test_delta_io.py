"""The IO manager: assets hand over frames; tables, versions and what Dagit shows come from here."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from resources.io_managers import PREVIEW_ROWS, PREVIEW_WIDTH, LakehouseIOManager
from resources.tables.files import LakehouseError, TableSpec
from resources.tables.lakehouse import Lakehouse

WORDS = TableSpec("silver/words", StructType([StructField("id", IntegerType()), StructField("word", StringType())]))
LONG_WORDS = TableSpec("silver/long_words", WORDS.schema)
BRONZE = pa.table({"raw_id": ["1", "2", "3"], "raw_word": ["a", "word", "wordy"]})


@dg.asset(key_prefix="bronze", name="words")
def bronze_words() -> pa.RecordBatchReader:
    return BRONZE.to_reader()


@dg.asset(key_prefix="silver", name="words", ins={"raw": dg.AssetIn(["bronze", "words"])})
def silver_words(raw: DataFrame) -> DataFrame:
    return raw.selectExpr("int(raw_id) id", "raw_word word")


@dg.asset(key_prefix="silver", name="long_words", ins={"words": dg.AssetIn(["silver", "words"])})
def long_words(words: DataFrame) -> DataFrame:
    return words.where("length(word) > 3")


@dg.asset(key_prefix="silver", name="words", ins={"raw": dg.AssetIn(["bronze", "words"])})
def silver_words_without_id(raw: DataFrame) -> DataFrame:
    return raw.selectExpr("raw_word word")


def _materialize(lakehouse: Lakehouse, *assets: Any, selection: Any = None) -> dg.ExecuteInProcessResult:
    io_manager = LakehouseIOManager(lakehouse, {WORDS.name: WORDS, LONG_WORDS.name: LONG_WORDS})
    return dg.materialize(assets, resources={"io_manager": io_manager}, selection=selection)


def _metadata(result: dg.ExecuteInProcessResult, key: list[str]) -> dict[str, Any]:
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(key)]
    return {name: entry.value for name, entry in event.materialization.metadata.items()}


def _data_version(result: dg.ExecuteInProcessResult, key: list[str]) -> str:
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(key)]
    return event.materialization.tags["dagster/data_version"]


@pytest.mark.both_engines
def test_an_asset_takes_the_table_that_the_one_before_it_returned(lakehouse: Lakehouse) -> None:
    assert _materialize(lakehouse, bronze_words, silver_words, long_words).success
    assert sorted(map(tuple, lakehouse.read("silver/long_words").collect())) == [(2, "word"), (3, "wordy")]


@pytest.mark.both_engines
def test_a_materialisation_shows_rows_columns_place_and_version(lakehouse: Lakehouse) -> None:
    metadata = _metadata(_materialize(lakehouse, bronze_words, silver_words), ["silver", "words"])
    assert metadata["dagster/row_count"] == 3
    assert metadata["dagster/table_name"] == "silver/words"
    assert metadata["dagster/uri"] == str(lakehouse.path("silver/words"))
    assert metadata["delta_version"] == 0


def test_only_of_a_table_that_is_not_declared_a_materialisation_shows_the_columns(lakehouse: Lakehouse) -> None:
    made = _materialize(lakehouse, bronze_words, silver_words)
    columns = _metadata(made, ["bronze", "words"])["dagster/column_schema"].columns
    assert [(column.name, column.type) for column in columns] == [("raw_id", "string"), ("raw_word", "string")]
    assert "dagster/column_schema" not in _metadata(made, ["silver", "words"])


def test_the_preview_is_a_table_of_the_first_rows(lakehouse: Lakehouse) -> None:
    metadata = _metadata(_materialize(lakehouse, bronze_words), ["bronze", "words"])
    assert [column.name for column in metadata["preview"].schema.columns] == ["raw_id", "raw_word"]
    assert [tuple(record.data.values()) for record in metadata["preview"].records] == [
        ("1", "a"),
        ("2", "word"),
        ("3", "wordy"),
    ]


def test_the_preview_of_a_long_table_stops_early(lakehouse: Lakehouse) -> None:
    @dg.asset(key_prefix="bronze")
    def many() -> pa.Table:
        return pa.table({"n": range(100)})

    preview = _metadata(_materialize(lakehouse, many), ["bronze", "many"])["preview"]
    assert len(preview.records) == PREVIEW_ROWS


def test_a_cell_of_the_preview_is_one_short_line(lakehouse: Lakehouse) -> None:
    @dg.asset(key_prefix="bronze")
    def titles() -> pa.Table:
        return pa.table({"title": ["Face|Off\n(1997)", "x" * 500]})

    preview = _metadata(_materialize(lakehouse, titles), ["bronze", "titles"])["preview"]
    assert [record.data["title"] for record in preview.records] == ["Face|Off (1997)", f"{'x' * (PREVIEW_WIDTH - 1)}…"]


def test_the_preview_of_an_empty_table_has_its_columns(lakehouse: Lakehouse) -> None:
    @dg.asset(key_prefix="bronze")
    def nothing() -> pa.Table:
        return BRONZE.slice(0, 0)

    metadata = _metadata(_materialize(lakehouse, nothing), ["bronze", "nothing"])
    assert metadata["preview"].records == []
    assert [column.name for column in metadata["preview"].schema.columns] == ["raw_id", "raw_word"]
    assert metadata["dagster/row_count"] == 0
    assert [column.name for column in metadata["dagster/column_schema"].columns] == ["raw_id", "raw_word"]


@pytest.mark.both_engines
def test_the_data_version_is_the_delta_version(lakehouse: Lakehouse) -> None:
    for version in ("0", "1", "2"):
        result = _materialize(lakehouse, bronze_words, silver_words)
        assert _data_version(result, ["silver", "words"]) == version
        assert _data_version(result, ["bronze", "words"]) == version


def test_an_asset_may_return_a_reader_a_table_or_a_frame(lakehouse: Lakehouse) -> None:
    kinds = {
        "table": lambda: BRONZE,
        "reader": BRONZE.to_reader,
        "frame": lambda: lakehouse.engine.session.createDataFrame(BRONZE),
    }
    for kind, make in kinds.items():
        _materialize(lakehouse, _asset_of(kind, make))
        assert lakehouse.dataset(f"bronze/{kind}").to_table().to_pydict() == BRONZE.to_pydict()


def _asset_of(name: str, make: Callable[[], Any]) -> dg.AssetsDefinition:
    @dg.asset(key_prefix="bronze", name=name)
    def made() -> Any:
        return make()

    return made


def test_a_table_that_nobody_declared_has_the_columns_that_came(lakehouse: Lakehouse) -> None:
    metadata = _metadata(_materialize(lakehouse, bronze_words), ["bronze", "words"])
    columns = [(column.name, column.type) for column in metadata["dagster/column_schema"].columns]
    assert columns == [("raw_id", "string"), ("raw_word", "string")]


def test_a_table_that_nobody_declared_may_change_its_columns(lakehouse: Lakehouse) -> None:
    _materialize(lakehouse, _asset_of("raw", lambda: pa.table({"a": ["1"]})))
    _materialize(lakehouse, _asset_of("raw", lambda: pa.table({"b": [1], "c": ["x"]})))
    assert lakehouse.read("bronze/raw").columns == ["b", "c"]
    assert lakehouse.read("bronze/raw", version=0).columns == ["a"]


def test_a_declared_table_refuses_other_columns_and_stays_as_it_was(lakehouse: Lakehouse) -> None:
    _materialize(lakehouse, bronze_words, silver_words)
    with pytest.raises(LakehouseError, match="Table silver/words must have the columns"):
        _materialize(lakehouse, bronze_words, silver_words_without_id)
    assert lakehouse.version("silver/words") == 0
    assert lakehouse.row_count("silver/words") == 3


def test_an_asset_whose_input_was_never_made_is_told_which(lakehouse: Lakehouse) -> None:
    with pytest.raises(LakehouseError, match=r"Table silver/words does not exist.*--select '\*silver/words'"):
        _materialize(lakehouse, bronze_words, silver_words, long_words, selection=[long_words])


def test_a_parquet_table_has_the_same_metadata_but_no_delta_version(make_lakehouse: Callable[..., Lakehouse]) -> None:
    lakehouse = make_lakehouse(storage_format="parquet")
    metadata = _metadata(_materialize(lakehouse, bronze_words, silver_words), ["silver", "words"])
    assert metadata["dagster/row_count"] == 3
    assert "preview" in metadata
    assert "delta_version" not in metadata


def test_two_materialisations_of_a_parquet_table_have_different_data_versions(
    make_lakehouse: Callable[..., Lakehouse],
) -> None:
    lakehouse = make_lakehouse(storage_format="parquet")
    versions = {_data_version(_materialize(lakehouse, bronze_words), ["bronze", "words"]) for _ in range(2)}
    assert len(versions) == 2
