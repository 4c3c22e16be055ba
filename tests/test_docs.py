"""The pages a newcomer reads lead where they say, and the first one stays short."""

import re
from pathlib import Path

import pytest

from tools.site.links import github_anchor

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "airflow" / "README.md"]


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    return {github_anchor(heading) for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        place, _, anchor = target.partition("#")
        if place.startswith(("http://", "https://", "mailto:")):
            continue
        found = page.parent / place if place else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            lost.append(target)
    assert lost == []


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_decision_is_in_the_list_of_decisions() -> None:
    listed = re.findall(r"\((0\d+-[^)]+)\)", (ROOT / "docs" / "adr" / "README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))


def test_every_file_that_the_checklists_name_is_there() -> None:
    named = re.findall(
        r"`((?:reco_assets|resources|docs|tests|airflow)/[\w/.]*)`", (ROOT / "CONTRIBUTING.md").read_text()
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_no_checklist_has_more_than_four_places() -> None:
    lists = (ROOT / "CONTRIBUTING.md").read_text().split("\n### ")[1:]
    assert {each.splitlines()[0]: each for each in lists if "\n5. " in each} == {}
