"""What MkDocs calls while it builds the site: pages from elsewhere, links to them, diagrams, the reference."""

from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.site.diagrams import drawn
from tools.site.links import github_anchor, relinked
from tools.site.places import ELSEWHERE, ROOT, repository_path
from tools.site.reference import PAGES
from tools.site.settings import with_allowed


def on_config(config: Any) -> Any:
    """Name headings as GitHub does, where the same pages are read, too."""
    config.mdx_configs["toc"]["slugify"] = github_anchor
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what lies outside of docs/, and what is made from code."""
    for path, uri in ELSEWHERE.items():
        files.append(File.generated(config, uri, content=(ROOT / path).read_text()))
    for uri, write in PAGES.items():
        files.append(File.generated(config, uri, content=write()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """One page: its links lead to pages of the site, its diagrams are drawn."""
    uri = page.file.src_uri
    if uri == "settings.md":
        markdown = with_allowed(markdown)
    return drawn(relinked(markdown, repository_path(uri)))
