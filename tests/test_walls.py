"""The walls of the house: imports go one way, between files, between folders, and between the rooms on the top level.

Every import counts: also those inside of functions, those for types alone, and what the registry of tasks names.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from reco_assets.tasks.registry import MODULES

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("resources", "reco_assets", "drift_sensors")
COMPOSING = {"reco_assets/build.py", "reco_assets/definitions.py"}
NOT_OURS = "reco_assets/airflow_export/common/"  # copied to where Airflow runs it

Graph = dict[str, set[str]]


def sources() -> list[str]:
    paths = (str(path.relative_to(ROOT)) for house in HOUSES for path in (ROOT / house).rglob("*.py"))
    return sorted(path for path in paths if not path.startswith(NOT_OURS))


def file_of(module: str) -> str | None:
    """The file of a module of the project, None for any other name."""
    path = module.replace(".", "/")
    found = (f"{path}.py", f"{path}/__init__.py") if path.startswith(HOUSES) else ()
    return next((each for each in found if (ROOT / each).is_file()), None)


def imported_by(path: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}: a relative import"
            yield from (name if file_of(name := f"{node.module}.{alias.name}") else node.module for alias in node.names)
    if path == "reco_assets/tasks/registry.py":
        yield from MODULES.values()


@pytest.fixture(scope="module")
def files() -> Graph:
    """The files that each file imports."""
    return {path: {file for name in imported_by(path) if (file := file_of(name))} - {path} for path in sources()}


def folder_of(path: str) -> str:
    """The folder that a file lies in; a file beside folders stands for itself, as each folder leans on some of them."""
    folder = (ROOT / path).parent
    stands_alone = any((each / "__init__.py").is_file() for each in folder.iterdir() if each.is_dir())
    return path if stands_alone else str(folder.relative_to(ROOT))


def room_of(path: str) -> str:
    """The room with all of its folders: reco_assets/models, resources/tables, or the file that lies beside those."""
    parts = path.split("/")
    return parts[0] if parts[0] == "drift_sensors" else "/".join(parts[:2])


def merged(files: Mapping[str, set[str]], place: Callable[[str], str]) -> Graph:
    found: Graph = {}
    for path, imported in files.items():
        found.setdefault(place(path), set()).update(map(place, imported))
    return {here: there - {here} for here, there in found.items()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of places each of which leads to all others of its group."""
    reached = {here: leads_to(graph, here) for here in graph}
    together = {frozenset({there for there in reached[here] if here in reached[there]}) for here in graph}
    return sorted(sorted(group) for group in together if len(group) > 1)


def leads_to(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def test_a_circle_is_found_through_others_and_told_from_a_mere_way() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]


def test_no_file_leads_back_to_itself(files: Graph) -> None:
    assert circles(files) == []


def test_no_folder_leads_back_to_itself(files: Graph) -> None:
    assert circles(merged(files, folder_of)) == []


def test_no_room_leads_back_to_itself(files: Graph) -> None:
    assert circles(merged(files, room_of)) == []


def test_nothing_but_what_composes_imports_from_a_house_above(files: Graph) -> None:
    floors = {house: floor for floor, house in enumerate(HOUSES)}
    upward = {
        (path, there)
        for path, imported in files.items()
        for there in imported
        if floors[there.split("/")[0]] > floors[path.split("/")[0]]
    }
    assert {path for path, _ in upward} <= COMPOSING, upward
