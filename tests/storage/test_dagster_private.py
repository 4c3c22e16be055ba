"""Dagster's private names: all are where one module takes them from, and no other module takes any."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from inspect import getsource
from operator import attrgetter
from pathlib import Path

import pytest

from resources.orchestrator import dagster_private

ROOT = Path(__file__).resolve().parents[2]
OWN = Path(dagster_private.__file__)
READ = {  # as of Dagster 1.13.27
    "SqliteEventLogStorage.__init__": "264c15baa761",
    "SqliteEventLogStorage._connect": "b8435f266568",
    "SqliteEventLogStorage._initdb": "7a302d98eb61",
    "SqliteEventLogStorage.path_for_shard": "0eaeb69bc81b",
    "SqliteEventLogStorage.conn_string_for_shard": "896bc510d776",
    "SqliteRunStorage.__init__": "391592fd1e58",
    "SqliteRunStorage.connect": "d343abae6e9b",
    "default_system_loggers": "37a6fdb4d180",
    "InstigationLogger.__init__": "9dbe790aec33",
}


@pytest.mark.parametrize("name", dagster_private.__all__)
def test_this_version_of_dagster_has_every_private_name_that_the_platform_uses(name: str) -> None:
    assert getattr(dagster_private, name) is not None


@pytest.mark.parametrize("member", dagster_private.BUILT_ON, ids=attrgetter("__qualname__"))
def test_what_is_built_on_inside_of_dagsters_classes_reads_as_when_it_was_built_on(member: Callable) -> None:
    """Else compare it with `kept_open` or `json_logs`, and note its new text here."""
    assert hashlib.sha256(getsource(member).encode()).hexdigest()[:12] == READ[member.__qualname__]


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
