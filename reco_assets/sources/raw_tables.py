"""Reading the raw tables of bronze: one that an earlier release left as text is refused in one line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from reco_assets.sources.layout import RawForm
from reco_assets.sources.raw_forms import raw_form_of
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def raw_dataset(lakehouse: Lakehouse, table: str, encoded: Sequence[str] = ()) -> tuple[ds.Dataset, RawForm]:
    """A raw table, columns named in `encoded` dictionary-encoded, and how its lines were written.

    Raises `LakehouseError`, `OldRawTableError`.
    """
    dataset = lakehouse.dataset(table, encoded=encoded)
    return dataset, raw_form_of(dataset.schema, table)


def raw_frame(lakehouse: Lakehouse, table: str) -> "tuple[DataFrame, RawForm]":
    """As `raw_dataset`, of any size. Raises `LakehouseError`, `OldRawTableError`."""
    _, form = raw_dataset(lakehouse, table)
    return lakehouse.read(table), form
