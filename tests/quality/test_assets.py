"""The checks in Dagster: any of them by itself, errors stop what is downstream, warnings don't."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.documented import DATA_VALIDATION
from reco_assets.pipelines.selections import BRONZE, SILVER
from reco_assets.quality.assets import TABLE_CHECKS
from reco_assets.quality.declarations import DECLARATIONS, DECLARED, with_plain_ones
from reco_assets.quality.kinds import KINDS
from reco_assets.runner.run import Outcome, RunFailedError, materialize_assets, run_checks
from reco_assets.tables import DECLARED as WRITTEN
from reco_assets.tables import SILVER_MOVIES
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

RATINGS = "userId,movieId,rating,timestamp\n"
LAST_YEAR = 1_700_000_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Settings]:
    """The settings of a lakehouse of its own, whose source has these ratings and one movie."""

    def make(*ratings: str) -> Settings:
        folder = tmp_path_factory.mktemp("source")
        (folder / "ratings.csv").write_text(RATINGS + "".join(f"{line}\n" for line in ratings))
        (folder / "movies.csv").write_text("movieId,title,genres\n1,A Film (1999),Drama\n")
        return load_settings(
            lakehouse_path=folder / "lake", reco_source="movielens", reco_source_path=folder, reco_engine="embedded"
        )

    return make


@pytest.fixture(scope="module")
def warned(source: Callable) -> tuple[Settings, Outcome]:
    """A run with a rating of a movie that movies does not hold, and without tags."""
    settings = source(f"1,1,4.0,{LAST_YEAR}", f"1,2,4.0,{LAST_YEAR}")
    return settings, materialize_assets(build_definitions, settings, [*BRONZE, *SILVER])


def test_every_table_that_is_written_is_declared_and_the_bronze_ones_too() -> None:
    assert set(DECLARED) == {*WRITTEN, *BRONZE}


def test_a_table_without_a_declaration_of_its_own_is_asked_for_its_columns_rows_and_key() -> None:
    spec = replace(SILVER_MOVIES, name="gold/new")
    *known, new = with_plain_ones(DECLARATIONS, [SILVER_MOVIES, spec])
    assert tuple(known) == DECLARATIONS
    assert (new.table, new.kinds) == ("gold/new", ("schema", "nulls", "row_count", "duplicates"))


def test_every_kind_belongs_to_one_of_the_documented_tasks() -> None:
    assert sorted(DATA_VALIDATION.checks) == sorted(KINDS)


def test_every_table_has_one_step_of_checks_and_only_warnings_do_not_block() -> None:
    assert [checks.node_def.name for checks in TABLE_CHECKS] == [
        f"check_{declaration.table.replace('/', '_')}" for declaration in DECLARATIONS
    ]
    blocking = {spec.name for checks in TABLE_CHECKS for spec in checks.check_specs if spec.blocking}
    assert blocking == {"schema", "nulls", "ranges", "row_count", "duplicates"}


def test_an_error_stops_what_is_downstream_and_its_other_checks_are_told(source: Callable) -> None:
    settings = source("1,1,4.0,4102444800")  # in the year 2100: quarantined, so that no rating is left
    settings = settings.changed(quarantine_max_share=1.0)
    with pytest.raises(
        RunFailedError,
        match=r"^1 of \d+ checks failed\. silver/ratings: row_count: The table is empty\. All 1 rows .* future_date 1",
    ):
        materialize_assets(build_definitions, settings, [*BRONZE, *SILVER])
    assert not (settings.storage.root / "silver" / "_reports").exists()
    assert not failing(run_checks(build_definitions, settings, ["schema", "nulls", "duplicates"], ["silver/ratings"]))


def test_a_warning_lets_the_run_go_on(warned: tuple[Settings, Outcome]) -> None:
    _, outcome = warned
    assert failing(outcome) == {"silver/ratings:references", "silver/tags:row_count", "bronze/tags:row_count"}
    assert "silver/etl_report" in outcome.metadata
    [found] = [check for check in outcome.checks if check.asset == "silver/ratings" and check.name == "references"]
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.text == "1 ids in 1 places are not in silver/movies: complete it."
    assert found.figures["rows: not in silver/movies"] == [{"id": 2, "times": 1}]


def test_each_documented_task_runs_its_kinds_alone(warned: tuple[Settings, Outcome]) -> None:
    settings, _ = warned
    for task in DATA_VALIDATION.tasks:
        found = run_checks(build_definitions, settings, task.checks, ["silver/ratings"])
        assert {check.name for check in found.checks} == set(task.checks)


def test_the_report_is_an_asset_whose_metadata_leads_to_its_page(lakehouse: Lakehouse) -> None:
    outcome = materialize_assets(build_definitions, lakehouse.settings, ["quality/report"])
    figures = outcome.metadata["quality/report"]
    assert figures["errors"] == 0
    assert figures["warnings"] == sum(not declaration.may_be_absent for declaration in DECLARATIONS)
    assert Path(figures["path"]).read_text().startswith("<!doctype html>")
    assert figures["page"] == Path(figures["path"]).as_uri()


def failing(outcome: Outcome) -> set[str]:
    return {f"{check.asset}:{check.name}" for check in outcome.checks if not check.passed}
