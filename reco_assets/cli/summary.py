"""What a run came to, for a person: tables with their rows, the model's figures beside the baselines."""

from rich.console import Console
from rich.table import Table

from reco_assets.cli.terminal import console
from reco_assets.models.versions.store import model_store
from reco_assets.runner.run import Outcome
from resources.settings import Settings


def print_summary(settings: Settings, outcome: Outcome) -> None:
    """Print the materialised tables and, where the run evaluated a model, its metrics and the decision."""
    shown = console()
    tables = Table("table", "rows", "Delta version", title=f"Lakehouse {settings.storage.root}", title_justify="left")
    tables.columns[1].justify = tables.columns[2].justify = "right"
    for name, values in outcome.metadata.items():
        if "dagster/row_count" in values:
            tables.add_row(name, f"{values['dagster/row_count']:,}", str(values.get("delta_version", "")))
    if tables.row_count:
        shown.print(tables)
    if evaluation := outcome.metadata.get("models/als_evaluation"):
        _print_metrics(shown, settings, str(evaluation["version"]))
    if champion := outcome.metadata.get("models/als_champion"):
        shown.print(f"{champion['candidate']} {champion['reason']}. Champion: {champion['champion']}.")


def _print_metrics(to: Console, settings: Settings, version: str) -> None:
    metrics = model_store(settings).facts(version)["metrics"]
    stars, ranking, baselines = metrics["evaluation"], metrics["ranking"], metrics["baselines"]
    k = ranking["k"]
    shown = Table("", "warm RMSE", f"NDCG@{k}", f"hit rate@{k}", title=f"Model {version}", title_justify="left")
    shown.add_row("model", _number(stars["rmse"]), _number(ranking["ndcg"]), _number(ranking["hit_rate"]))
    shown.add_row("bias only", _number(baselines["bias_only"]["rmse"]), "", "")
    popular = baselines["popularity"]
    shown.add_row("popularity", "", _number(popular["ndcg"]), _number(popular["hit_rate"]))
    to.print(shown)
    to.print(f"Split {stars['split']}, {stars['test_count']:,} test ratings, {stars['coverage']:.1%} of them warm.")


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
