"""Where a page lies in the repository, and where on the site. Pages of docs/ keep their places."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# {path in the repository: place on the site} of what lies outside of docs/.
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "LICENSE": "project/LICENSE.txt",
    "airflow/README.md": "airflow/index.md",
    "airflow/dags/TASKS.md": "airflow/tasks.md",
}
_BACK = {uri: path for path, uri in ELSEWHERE.items()}


def repository_path(uri: str) -> str:
    """Where the page of the site lies in the repository; one that is made from code: where it would lie."""
    return _BACK.get(uri, f"docs/{uri}")


def site_place(path: str) -> str | None:
    """Where a file of the repository lies on the site, None where it is no part of it."""
    return ELSEWHERE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
