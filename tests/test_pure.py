"""Pure modules: frames or arrays in, frames or arrays out. They know no Dagster, no clock and no environment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "reco_assets"
PURE = (
    *("vocabulary", "statistics", "batches/last_values", "split/arrays", "split/plan"),
    *(f"silver/{name}" for name in ("event_rows", "movies", "quarantine", "ratings", "repeats", "tags", "times")),
    *(f"features/{name}" for name in ("declarations", "point_in_time", "running")),
    *(f"sources/{name}" for name in ("advice", "headers", "layout", "rules", "unreadable")),
    *(f"streaming/{name}" for name in ("fields", "readable", "simulate")),
    *(f"drift/{name}" for name in ("assessment", "bootstrap", "cells", "comparison", "decision", "document")),
    *(f"drift/{name}" for name in ("histograms", "measures", "policy", "replay", "scan", "scores", "signals")),
    *(f"events/simulation/{name}" for name in ("funnel", "messages", "people")),
    *(f"events/extraction/{name}" for name in ("counts", "judged", "messages", "planning")),
    *("gold/trending", "events/schema", "drift/spans", "drift/windows", "models/ratings", "models/als/solver"),
    *(f"models/judging/{name}" for name in ("comparison", "metrics", "evaluation", "promotion")),
    *("models/judging/sampled", "models/judging/sampled_gate", "models/limits", "models/als/kernel"),
)
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


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_reads_nothing_but_its_arguments(module: str) -> None:
    assert list(of_the_world((HOUSE / f"{module}.py").read_text(encoding="utf-8"))) == []


def test_what_reads_the_world_is_found_whichever_way_it_is_written() -> None:
    source = "import os.path\nfrom time import time\nfrom x import Settings\nlatest = datetime.now(UTC)"
    assert sorted(of_the_world(source)) == ["Settings", "now", "os", "time"]
