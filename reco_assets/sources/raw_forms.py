"""How the lines of a raw table were written: noted in the table's own columns, for who makes their text again.

In the metadata of a column, not of a commit, as maintenance removes old commits.
"""

import json
from dataclasses import asdict

import pyarrow as pa

from reco_assets.sources.layout import RawForm
from reco_assets.sources.typed import RESCUED
from reco_assets.tables import BRONZE_MOVIES, BRONZE_RATINGS, BRONZE_TAGS
from resources.errors import RecoError

NOTE = b"reco.raw_form"
_SPECS = {"rating": BRONZE_RATINGS, "title": BRONZE_MOVIES, "tag": BRONZE_TAGS}


class OldRawTableError(RecoError):
    """A raw table holds text, as an earlier release wrote it; the message says how to make it anew."""


def raw_schema(form: RawForm) -> pa.Schema:
    """The columns of a raw table whose lines are written in this form, which is noted in them."""
    from pyspark.sql.pandas.types import to_arrow_schema

    spec = next(spec for name, spec in _SPECS.items() if name in form.fields)
    plain = pa.schema([field.remove_metadata() for field in to_arrow_schema(spec.schema, timezone="UTC")])
    place = plain.get_field_index(RESCUED)
    return plain.set(place, plain.field(place).with_metadata({NOTE: json.dumps(asdict(form))}))


def raw_form_of(schema: pa.Schema, table: str) -> RawForm:
    """How the lines of the raw table with these columns were written. Raises `OldRawTableError`, naming the table."""
    noted = (schema.field(RESCUED).metadata or {}).get(NOTE) if RESCUED in schema.names else None
    if noted is None:
        raise OldRawTableError(f"{table} holds text, as an earlier release wrote it. Read the source again: reco etl")
    form = json.loads(noted)
    return RawForm(tuple(form["fields"]), form["whole_stars"])
