"""The site of docs/: every page has its place, links of files lead to pages. `make docs` builds it."""

import re

import pytest
from typer.main import get_command

from reco_assets.cli.main import app
from reco_assets.pipelines.jobs import SPECS
from reco_assets.tables import DECLARED, WITHOUT_ASSET
from resources.settings import VARIABLES
from tools.site.links import relinked
from tools.site.places import ELSEWHERE, ROOT
from tools.site.reference import PAGES, command_page, jobs_page, tables_page
from tools.site.settings import allowed, with_allowed

LISTED = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))

TABLES = (DECLARED | WITHOUT_ASSET).values()


def test_every_page_has_one_place_in_the_site() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    decisions = {page for page in pages if page.startswith("adr/0")}
    elsewhere = {uri for uri in ELSEWHERE.values() if uri.endswith(".md")}
    assert (pages - decisions) | elsewhere | PAGES.keys() == LISTED, "name each page in the nav of mkdocs.yml"


@pytest.mark.parametrize(
    ("path", "link", "on_site"),
    [
        ("README.md", "docs/drift.md#triggers", "drift.md#triggers"),
        ("README.md", "docs/adr/", "adr/README.md"),
        ("docs/operation.md", "../airflow/README.md", "airflow/index.md"),
        ("docs/adr/0001-two-engines.md", "../engines.md", "../engines.md"),
        ("airflow/README.md", "../docs/operation.md#in-containers", "../operation.md#in-containers"),
        ("airflow/README.md", "dags/TASKS.md", "tasks.md"),
        ("CONTRIBUTING.md", "#-a-setting", "#-a-setting"),
        ("README.md", "https://dagster.io", "https://dagster.io"),
    ],
)
def test_a_link_between_files_becomes_one_between_pages(path: str, link: str, on_site: str) -> None:
    assert relinked(f"[words]({link})", path) == f"[words]({on_site})"


def test_a_link_in_code_stays_as_it_is() -> None:
    code = "```\n[words](docs/drift.md)\n```\nand `[words](docs/drift.md)`"
    assert relinked(code, "README.md") == code


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("STORAGE_FORMAT", "`delta` or `parquet`"),
        ("ALS_RANK", "whole number ≥ 1, ≤ 1,024"),
        ("SPARK_CORES_MAX", "whole number ≥ 1"),
        ("DRIFT_RMSE_TRIGGER", "number or `off`"),
        ("SLACK_BOT_TOKEN", "text, kept secret"),
    ],
)
def test_the_page_of_settings_says_what_the_code_allows(variable: str, words: str) -> None:
    assert allowed(VARIABLES[variable]) == words


def test_every_row_of_the_settings_gets_what_they_may_be() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    added = [made.count(" |") - written.count(" |") for written, made in zip(*rows(page), strict=True)]
    assert set(added) == {1}


def rows(page: str) -> tuple[list[str], list[str]]:
    """The rows of the table of settings, as written and as on the site."""
    as_written, on_site = (
        [line for line in text.splitlines() if line[:3] == "| `"] for text in (page, with_allowed(page))
    )
    return as_written, on_site


def test_the_reference_has_every_verb_with_its_options_every_column_and_every_task() -> None:
    commands, tables, jobs = command_page(), tables_page(), jobs_page()
    missing = [verb for verb in get_command(app).commands if f"## `reco {verb}" not in commands]  # type: ignore[attr-defined]
    missing += [column for spec in TABLES for column in spec.schema.names if f"| `{column}` | `" not in tables]
    missing += [task.name for spec in SPECS for task in spec.tasks if f"| `{task.name}` |" not in jobs]
    assert missing == []
    assert "--replace-source" in commands
