"""Tables for Dagit hold cells as values."""

from resources.orchestrator.shown_tables import shown_table


def test_a_table_has_its_rows_and_the_types_of_its_columns() -> None:
    shown = shown_table(("file", "rows", "share", "of"), [("a|b.csv", None, 0.5, None), ("c", 2, 1.0, None)])
    assert [record.data for record in shown.records] == [
        {"file": "a|b.csv", "rows": None, "share": 0.5, "of": None},
        {"file": "c", "rows": 2, "share": 1.0, "of": None},
    ]
    types = {column.name: column.type for column in shown.schema.columns}
    assert types == {"file": "string", "rows": "int", "share": "float", "of": "string"}


def test_a_table_without_rows_has_its_columns() -> None:
    shown = shown_table(("file",), [])
    assert (shown.records, [column.name for column in shown.schema.columns]) == ([], ["file"])
