"""Both engines on the same ratings: equal tables, metrics within seed noise.

The run's own engine is Spark; the embedded one fills a second lakehouse in a process of its own, as a session of one
bars the other.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from reco_assets.runner.run import Outcome
from resources.settings import Settings

pytestmark = [
    pytest.mark.both_engines,
    pytest.mark.skipif(os.environ.get("RECO_ENGINE") != "spark", reason="compares Spark with the embedded engine"),
]

TABLES = (
    "silver/ratings",
    "silver/movies",
    "silver/tags",
    "silver/quarantine_ratings",
    "silver/split_ratings",
    "silver/train_ratings",
    "silver/test_ratings",
    "silver/future_ratings",
)
MAIN_JOB = """
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.build import build_definitions
from reco_assets.runner.run import materialize_assets
from resources.settings import load_settings
materialize_assets(build_definitions, load_settings(), RECO_PIPELINE.assets)
"""


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory, settings: Settings, outcome: Outcome) -> dict[str, Path]:
    """The lakehouse that the main job filled, by engine."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RECO_CACHE_PATH") if name in os.environ}
    embedded = tmp_path_factory.mktemp("embedded") / "lake"
    variables = {
        "RECO_ENGINE": "embedded",
        "LAKEHOUSE_PATH": str(embedded),
        "RECO_SOURCE": "movielens",
        "RECO_SOURCE_PATH": str(settings.source.path),
    }
    command = [sys.executable, "-c", MAIN_JOB]
    done = subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {"spark": settings.storage.root, "embedded": embedded}


def row_hashes(table: Path) -> list[str]:
    """One hash per row, in an order of their own, so that neither files nor partitions matter."""
    rows = DeltaTable(str(table)).to_pyarrow_dataset().to_table()
    rows = rows.select(sorted(rows.column_names)).to_pylist()
    return sorted(hashlib.sha256(repr(row).encode()).hexdigest() for row in rows)


def metrics(lake: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((lake / "gold" / "metrics").glob("*.json")).read_text())
    return found


@pytest.mark.parametrize("table", TABLES)
def test_both_engines_make_the_same_rows(lakes: dict[str, Path], table: str) -> None:
    assert row_hashes(lakes["embedded"] / table) == row_hashes(lakes["spark"] / table)


def test_both_engines_reach_the_same_metrics_within_seed_noise(lakes: dict[str, Path]) -> None:
    embedded, spark = metrics(lakes["embedded"]), metrics(lakes["spark"])
    # Over three seeds on one engine RMSE moves by 0.001 and NDCG by 0.003; biases and counts have no seed.
    assert spark["evaluation"]["rmse"] == pytest.approx(embedded["evaluation"]["rmse"], abs=0.003)
    assert spark["ranking"]["ndcg"] == pytest.approx(embedded["ranking"]["ndcg"], abs=0.008)
    assert spark["dataset_info"]["split_info"] == embedded["dataset_info"]["split_info"]
    assert spark["baselines"]["bias_only"]["rmse"] == pytest.approx(
        embedded["baselines"]["bias_only"]["rmse"], abs=1e-6
    )
    assert spark["baselines"]["popularity"] == pytest.approx(embedded["baselines"]["popularity"], abs=1e-9)


def test_only_spark_keeps_mllibs_native_model_beside_the_factors(lakes: dict[str, Path]) -> None:
    native = {engine: list(lake.glob("gold/models/als/*/mllib/*")) for engine, lake in lakes.items()}
    assert native["embedded"] == []
    assert sorted(path.name for path in native["spark"]) == ["ranking", "rating"]
