"""Rows of users who were forgotten don't come in again."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.source import RawTable
from reco_assets.tombstones import Tombstones

USER, RESCUED = "user_id", "_rescued"


def without_forgotten(table: RawTable, gone: Tombstones) -> RawTable:
    """The table without the rows of forgotten users; nothing of them is kept, not even for quarantine.

    A row without a number for its user is told by the text that its line has for it, which stands first.
    """
    if not gone:
        return table

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in table.batches():
            theirs = gone.among(batch[USER])
            if batch[RESCUED].null_count < len(batch):
                text = pac.fill_null(batch[RESCUED].cast(pa.string()), ",")
                first = pac.utf8_trim(pac.list_element(pac.split_pattern(text, ","), 0), ' "')
                said = pac.if_else(pac.is_valid(batch[USER]), pa.scalar(None, pa.string()), first)
                theirs = pac.or_(theirs, gone.among(said))
            yield batch.filter(pac.invert(theirs))

    return RawTable(table.columns, batches)
