"""Checking one table of the lakehouse: what its declaration asks for, from as few looks at the table as it takes."""

from collections.abc import Collection

from reco_assets.quality import kinds
from reco_assets.quality.declarations import Declaration
from reco_assets.quality.findings import Finding, absent, schema_finding
from resources.lakehouse import Lakehouse
from resources.table_files import schema_of


def check_table(lakehouse: Lakehouse, declaration: Declaration, wanted: Collection[str]) -> list[Finding]:
    """The findings of the wanted kinds, in the order of `kinds.KINDS`."""
    asked = [kind for kind in declaration.kinds if kind in wanted]
    if not lakehouse.exists(declaration.table):
        return [absent(declaration, kind) for kind in asked]
    found = {field.name: field.dataType.simpleString() for field in schema_of(lakehouse.dataset(declaration.table))}
    return [schema_finding(declaration, found) for kind in asked if kind == kinds.SCHEMA]
