"""Tables without rows, tables that are not there: fine where the declaration says so, else said with what to do."""

import shutil
from collections.abc import Callable

import pytest

from reco_assets.quality import kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARED
from resources.tables.lakehouse import Lakehouse

RATINGS = "silver/ratings"


@pytest.mark.parametrize(("table", "severity"), [("silver/ratings", "error"), ("silver/movies", "warning")])
def test_a_required_table_without_rows_is_an_error_and_another_a_warning(
    table: str, severity: str, check: Callable, arrow: Callable
) -> None:
    [finding] = [found for found in check(table, arrow(table, [])) if not found.passed]
    assert (finding.kind, finding.severity) == (kinds.ROW_COUNT, severity)


@pytest.mark.parametrize("table", ["silver/quarantine_ratings", "silver/future_ratings", "stream/ratings"])
def test_a_table_that_may_be_empty_passes_without_rows(table: str, check: Callable, arrow: Callable) -> None:
    assert [found.text for found in check(table, arrow(table, [])) if found.kind == kinds.ROW_COUNT] == [
        "No rows, which is fine here."
    ]


def test_references_are_not_checked_where_the_source_names_no_movies(
    lake: Lakehouse, put: Callable, arrow: Callable
) -> None:
    put(lake, "silver/movies", arrow("silver/movies", []))
    [finding] = check_table(lake, DECLARED[RATINGS], [kinds.REFERENCES])
    assert (finding.passed, finding.text) == (True, "silver/movies has no rows: nothing to check.")


def test_a_table_that_no_run_has_made_is_one_warning_that_says_how_to_make_it(lakehouse: Lakehouse) -> None:
    found = check_table(lakehouse, DECLARED[RATINGS], kinds.KINDS)
    [missing] = [finding for finding in found if not finding.passed]
    assert (missing.kind, missing.severity) == (kinds.SCHEMA, "warning")
    assert missing.text.startswith("No run has made the table yet. Materialize it: dagster asset materialize")


@pytest.mark.parametrize("table", [RATINGS, "stream/ratings"])
def test_a_table_that_was_there_and_is_gone_fails_every_check(
    lake: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable, table: str
) -> None:
    put(lake, table, arrow(table, good_rows(table)))
    shutil.rmtree(lake.path(table))
    found = check_table(lake, DECLARED[table], kinds.KINDS)
    assert {(finding.passed, finding.severity) for finding in found} == {(False, "error")}
    assert found[0].text.startswith("The table was there and is gone. Bring it back from a backup")


def test_a_streamed_table_may_be_absent_before_its_first_file(lakehouse: Lakehouse) -> None:
    found = check_table(lakehouse, DECLARED["stream/ratings"], kinds.KINDS)
    assert {finding.passed for finding in found} == {True}
    assert "nothing to check" in found[0].text
