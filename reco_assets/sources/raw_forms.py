"""How the lines of a raw table were written: noted in the table's own columns, for who makes their text again.

In the metadata of a column, not of a commit, as maintenance removes old commits.
"""

import json
from dataclasses import asdict

import pyarrow as pa

from reco_assets.sources.layout import RawForm
from reco_assets.sources.typed import RESCUED, column_of
from reco_assets.tables import BRONZE_MOVIES, BRONZE_RATINGS, BRONZE_TAGS
from resources.errors import RecoError

NOTE = b"reco.raw_form"
_TABLES = (BRONZE_RATINGS, BRONZE_MOVIES, BRONZE_TAGS)


class OldRawTableError(RecoError):
    """A raw table holds text, as an earlier release wrote it; the message says how to make it anew."""


def raw_schema(form: RawForm) -> pa.Schema:
    """The columns of the raw table that has one for each field of this form, which is noted in them.

    Raises `ValueError` where a new source has fields that no raw table has together.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    needed = {column_of(field) for field in form.fields}
    fitting = [table for table in _TABLES if needed <= set(table.schema.names)]
    if len(fitting) != 1:
        names = ", ".join(table.name for table in fitting or _TABLES)
        raise ValueError(f"Fields {', '.join(form.fields)} must fit one raw table, and fit {len(fitting)} of {names}.")
    plain = pa.schema([field.remove_metadata() for field in to_arrow_schema(fitting[0].schema, timezone="UTC")])
    place = plain.get_field_index(RESCUED)
    return plain.set(place, plain.field(place).with_metadata({NOTE: json.dumps(asdict(form))}))


def raw_form_of(schema: pa.Schema, table: str) -> RawForm:
    """How the lines of the raw table with these columns were written. Raises `OldRawTableError`, naming the table."""
    noted = (schema.field(RESCUED).metadata or {}).get(NOTE) if RESCUED in schema.names else None
    if noted is None:
        raise OldRawTableError(f"{table} holds text, as an earlier release wrote it. Read the source again: reco etl")
    form = json.loads(noted)
    return RawForm(tuple(form["fields"]), form["whole_stars"])
