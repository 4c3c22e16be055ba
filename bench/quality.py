"""`make quality`: the model's figures on ml-latest-small, mean of three seeds, through the asset graph.

Every figure is that of the code as it ships, with `FUTURE_FRACTION=0`; nothing is chosen by it.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from measuring import HERE, MOVIELENS, machine
from rich.console import Console
from rich.table import Table

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import ETL, EVALUATION, TRAINING
from reco_assets.runner.run import materialize_assets
from resources.settings import Settings, load_settings

SEEDS = (0, 1, 2)
FIGURES = {
    "rmse": ("evaluation", "rmse"),
    "bias only": ("baselines", "bias_only", "rmse"),
    "coverage": ("evaluation", "coverage"),
    "ndcg": ("ranking", "ndcg"),
    "popularity": ("baselines", "popularity", "ndcg"),
    "hit rate": ("ranking", "hit_rate"),
}
CASES: dict[str, dict[str, Any]] = {
    "per_user": {"split_strategy": "per_user"},
    "random": {"split_strategy": "random"},
    "global": {"split_strategy": "global"},
    "per_user, rank 10": {"split_strategy": "per_user", "als_rank": 10},
}


def main() -> None:
    """Run every case with every seed, print the means and the single seeds' errors, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("embedded", "spark"), default="embedded")
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "quality.json")
    arguments = parser.parse_args()
    found = {name: [judge(arguments, seed, case) for seed in SEEDS] for name, case in CASES.items()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(
        json.dumps({"machine": machine(), "engine": arguments.engine, "cases": found}, indent=2)
    )
    table = Table("case", *FIGURES, "rmse - bias only, each seed")
    for name, runs in found.items():
        gaps = ", ".join(f"{run['rmse'] - run['bias only']:+.4f}" for run in runs)
        table.add_row(name, *(f"{mean(run[figure] for run in runs):.4f}" for figure in FIGURES), gaps)
    Console(width=140).print(table)


def judge(arguments: argparse.Namespace, seed: int, case: dict[str, Any]) -> dict[str, float]:
    """Train and evaluate one version in a lakehouse of its own; returns the figures."""
    with tempfile.TemporaryDirectory() as work:
        settings = load_settings(
            lakehouse_path=Path(work) / "lake",
            reco_engine=arguments.engine,
            reco_source="movielens",
            reco_source_path=arguments.movielens,
            reco_seed=seed,
            future_fraction=0.0,
            **case,
        )
        materialize_assets(build_definitions, settings, (*ETL, *TRAINING, *EVALUATION))
        document = metrics(settings)
    return {figure: pick(document, path) for figure, path in FIGURES.items()}


def metrics(settings: Settings) -> dict[str, Any]:
    """The run's metrics document."""
    found: dict[str, Any] = json.loads(next((settings.storage.root / "gold" / "metrics").glob("*.json")).read_text())
    return found


def pick(document: dict[str, Any], path: tuple[str, ...]) -> float:
    """One number of the document."""
    value: Any = document
    for key in path:
        value = value[key]
    return float(value)


if __name__ == "__main__":
    main()
