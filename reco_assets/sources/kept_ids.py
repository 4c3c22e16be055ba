"""The table of ids that are text in the source, and whole numbers in every other table."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.ids import ID_FIELDS, Ids
from reco_assets.sources.source import Source
from reco_assets.tables import BRONZE_RATINGS, IDS
from reco_assets.tombstones import read_tombstones
from reco_assets.vocabulary import INT32_MAX
from resources.tables.files import note_of
from resources.tables.lakehouse import Lakehouse

NOTE = "reco.text_ids"  # in the metadata of bronze's tables: which ids are text, parted by commas


def numbered(lakehouse: Lakehouse, source: Source) -> tuple[Source, Ids]:
    """The source with whole numbers for ids, and those ids that are text in it; new ones are kept at once.

    Kept before a row has one: a load that fails leaves numbers which nothing has, and never a number that two texts
    have. Raises `SourceError`, `LakehouseError`.
    """
    if source.numbered is None:
        return source, Ids()
    known = replace(kept_ids(lakehouse), gone=read_tombstones(lakehouse.root))
    made, ids = source.numbered(known)
    if any(len(texts) > len(known.texts.get(name, ())) for name, texts in ids.texts.items()):
        lakehouse.write(IDS, _rows(Ids({**known.texts, **ids.texts})))
    return made, ids


def kept_ids(lakehouse: Lakehouse) -> Ids:
    """The ids of every load so far. Raises `LakehouseError`."""
    if not lakehouse.exists(IDS.name):
        return Ids()
    rows = lakehouse.dataset(IDS.name).to_table().sort_by("id")
    texts = {name: rows.filter(pac.field("kind") == name)["text"] for name in ID_FIELDS}
    return Ids({name: found.combine_chunks().cast(pa.string()) for name, found in texts.items() if len(found)})


def id_of(lakehouse: Lakehouse, name: str, said: str) -> int | None:
    """The whole number of an id as its source has it; 0, which no text has, of a text that never came.

    None for what is neither, in a lakehouse whose ids are whole numbers. Raises `LakehouseError`.
    """
    if not _is_text(lakehouse, name):
        is_number = said.isdecimal() and len(said) <= len(str(INT32_MAX)) and int(said) <= INT32_MAX
        return int(said) if is_number else None
    is_it = (pac.field("kind") == name) & (pac.field("text") == said.strip())
    found = lakehouse.dataset(IDS.name).to_table(["id"], filter=is_it)["id"].to_pylist()
    return int(found[0]) if found else 0


def texts_of(lakehouse: Lakehouse, name: str, ids: list[int]) -> dict[int, str]:
    """The texts of those of some ids that are text in the source. Raises `LakehouseError`."""
    if not _is_text(lakehouse, name):
        return {}
    are_they = (pac.field("kind") == name) & pac.field("id").isin(ids)
    rows = lakehouse.dataset(IDS.name).to_table(["id", "text"], filter=are_they).to_pylist()
    return {row["id"]: row["text"] for row in rows}


def _is_text(lakehouse: Lakehouse, name: str) -> bool:
    """Whether the ids of what is loaded are text: an earlier source's may have been."""
    if not lakehouse.exists(IDS.name) or not lakehouse.exists(BRONZE_RATINGS.name):
        return False
    return name in (note_of(lakehouse.path(BRONZE_RATINGS.name), NOTE) or "").split(",")


def _rows(ids: Ids) -> pa.Table:
    tables = [
        pa.table(
            {
                "kind": pa.repeat(name, len(texts)),
                "text": texts,
                "id": pa.array(np.arange(1, len(texts) + 1), pa.int32()),
            }
        )
        for name, texts in ids.texts.items()
    ]
    return pa.concat_tables(tables)
