"""How a table is declared: its columns with their types, and what is known of them beside."""

from pyspark.sql import types

from reco_assets.columns import MEANINGS, origins_of
from resources.tables.files import DESCRIPTION, TableSpec

INT, LONG, FLOAT, STRING = types.IntegerType(), types.LongType(), types.FloatType(), types.StringType()
TIMESTAMP, DOUBLE = types.TimestampType(), types.DoubleType()


def struct(**columns: types.DataType) -> types.StructType:
    """Columns in this order."""
    return types.StructType([types.StructField(name, kind) for name, kind in columns.items()])


def table(
    name: str, schema: types.StructType, partition_by: tuple[str, ...] = (), key: tuple[str, ...] = ()
) -> TableSpec:
    """A table whose columns say what they mean and come from."""
    return TableSpec(name, schema, partition_by, key, MEANINGS, origins_of(name))


def described(columns: types.StructType, **descriptions: str) -> types.StructType:
    """The same columns, some with a description, which Dagster shows beside them."""
    return types.StructType(
        [
            types.StructField(field.name, field.dataType, metadata={DESCRIPTION: descriptions[field.name]})
            if field.name in descriptions
            else field
            for field in columns.fields
        ]
    )
