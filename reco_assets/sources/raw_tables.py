"""Reading the raw tables of bronze: one that an earlier release left as text is refused in one line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from reco_assets.sources.layout import RawForm
from reco_assets.sources.raw_forms import raw_form_of
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def form_of(lakehouse: Lakehouse, table: str) -> RawForm:
    """How the lines of a raw table were written. Raises `LakehouseError`, `OldRawTableError`."""
    return raw_form_of(lakehouse.dataset(table).schema, table)


def raw_dataset(lakehouse: Lakehouse, table: str, encoded: Sequence[str] = ()) -> ds.Dataset:
    """A raw table, columns named in `encoded` dictionary-encoded. Raises `LakehouseError`, `OldRawTableError`."""
    dataset = lakehouse.dataset(table, encoded=encoded)
    raw_form_of(dataset.schema, table)
    return dataset


def raw_frame(lakehouse: Lakehouse, table: str) -> "DataFrame":
    """A raw table of any size. Raises `LakehouseError`, `OldRawTableError`."""
    form_of(lakehouse, table)
    return lakehouse.read(table)
