"""Dagster's private names: all are where one module takes them from, and no other module takes any."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.orchestrator import dagster_private

ROOT = Path(__file__).resolve().parents[2]
OWN = Path(dagster_private.__file__)


@pytest.mark.parametrize("name", dagster_private.__all__)
def test_this_version_of_dagster_has_every_private_name_that_the_platform_uses(name: str) -> None:
    assert getattr(dagster_private, name) is not None


def test_no_other_module_imports_from_dagsters_private_modules() -> None:
    modules = [path for room in ("resources", "reco_assets", "drift_sensors") for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): list(private_imports(path)) for path in modules if path != OWN}
    assert {path: names for path, names in found.items() if names} == {}


def private_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("dagster._"))
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if name.startswith("dagster._"))
