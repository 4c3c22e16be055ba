"""Pure modules, by their docstrings: arrays or frames in and out. They know no Dagster, no clock, no environment."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "reco_assets"
# What reads the world: modules, and names of theirs that are called.
OUTSIDE = {"dagster", "deltalake", "os", "time", "uuid", "random", "mlflow"}
CALLED = {"now", "today", "utcnow", "load_settings", "open"}
ALL_SETTINGS = "Settings"  # a room's own group of them, such as DriftSettings, is its configuration


def of_the_world(source: str) -> Iterator[str]:
    """What a module imports or calls that gives another answer on another day or machine."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from {alias.name.partition(".")[0] for alias in node.names} & OUTSIDE
        elif isinstance(node, ast.ImportFrom):
            yield from {(node.module or "").partition(".")[0]} & OUTSIDE
            yield from {alias.name for alias in node.names} & {ALL_SETTINGS}
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from {name} & CALLED


def says_pure(source: str) -> bool:
    """Whether a module calls itself pure."""
    return re.search(r"\bPure\b", ast.get_docstring(ast.parse(source)) or "") is not None


PURE = [str(path.relative_to(HOUSE)) for path in sorted(HOUSE.rglob("*.py")) if says_pure(path.read_text("utf-8"))]


@pytest.mark.parametrize("module", PURE)
def test_a_module_that_says_it_is_pure_reads_nothing_but_its_arguments(module: str) -> None:
    assert list(of_the_world((HOUSE / module).read_text("utf-8"))) == []


@pytest.mark.parametrize("room", ["silver/ratings", "split/arrays", "quality/in_memory", "models/als/solver"])
def test_a_module_of_the_rules_says_that_it_is_pure(room: str) -> None:
    assert says_pure((HOUSE / f"{room}.py").read_text("utf-8"))


def test_what_reads_the_world_is_found_whichever_way_it_is_written() -> None:
    source = "import os.path\nfrom time import time\nfrom x import Settings\nlatest = datetime.now(UTC)"
    assert sorted(of_the_world(source)) == ["Settings", "now", "os", "time"]
