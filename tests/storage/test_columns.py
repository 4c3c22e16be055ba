"""Every column of every table says what it means, and names only columns that are there as its origins."""

from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.build import build_definitions
from reco_assets.tables import DECLARED, WITHOUT_ASSET
from resources.io_managers import table_metadata
from resources.settings import load_settings
from resources.tables.files import DESCRIPTION, TableSpec
from resources.tables.lakehouse import Lakehouse

TABLES = DECLARED | WITHOUT_ASSET


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_every_column_says_what_it_means(spec: TableSpec) -> None:
    said = {field.name for field in spec.schema.fields if field.metadata.get(DESCRIPTION)}
    assert set(spec.schema.names) - said - spec.meanings.keys() == set()


@pytest.mark.parametrize("spec", DECLARED.values(), ids=DECLARED)
def test_origins_are_columns_of_tables_above(spec: TableSpec) -> None:
    graph = build_definitions(load_settings()).resolve_asset_graph()
    assert spec.origins.keys() <= set(spec.schema.names)
    for origins in spec.origins.values():
        for table, column in origins:
            assert column in DECLARED[table].schema.names
            assert dg.AssetKey(table.split("/")) in graph.get_ancestor_asset_keys(dg.AssetKey(spec.name.split("/")))


@pytest.mark.parametrize("layer", ["silver", "gold"])
def test_every_cleaned_or_published_table_has_column_lineage(layer: str) -> None:
    without = [name for name, spec in DECLARED.items() if name.startswith(f"{layer}/") and not spec.origins]
    assert [name for name in without if "quarantine" not in name] == []


def test_dagit_is_shown_where_columns_come_from(tmp_path: Path) -> None:
    lakehouse, spec = Lakehouse.open(load_settings(lakehouse_path=tmp_path)), DECLARED["silver/movies"]
    lakehouse.write(spec, to_arrow_schema(spec.schema, timezone="UTC").empty_table())
    above = table_metadata(lakehouse, spec)["dagster/column_lineage"].deps_by_column["release_year"]
    assert {dep.column_name for dep in above} == {"year", "title"}
