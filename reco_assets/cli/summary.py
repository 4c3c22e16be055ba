"""What a command came to, for a person: exactly as it is, as a title `[/b]` is no markup, and `:smile:` no picture."""

from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from resources.files import plain_json
from resources.text.plain_text import printable

if TYPE_CHECKING:
    from reco_assets.models.record import SampledRecord
    from reco_assets.runner.run import Outcome
    from resources.settings import Settings


def say(*documents: Mapping[str, Any]) -> None:
    """Print documents, indented."""
    for document in documents:
        typer.echo(dumps(plain_json(document), indent=2, default=str))


def show(settings: "Settings", found: "Outcome | Mapping[str, Any]", *, json: bool = False) -> None:
    """Print a document, or of a run the summary, or with `json` what `reco run` would print of it."""
    if isinstance(found, Mapping):
        say(found)
    elif json:
        from reco_assets.runner.results import run_result

        say(run_result(settings, found))
    else:
        print_summary(settings, found)


def console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """A console that takes text for text. Every command prints through it."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False)


def lines_table(*columns: str, title: str | None = None, whole: Sequence[int] = (0,)) -> Table:
    """A table without lines, which leaves more of 80 characters to its cells; without columns one of two, unnamed.

    The columns at the positions `whole` are never cut: what one copies from them has to be all of it.
    """
    table = Table(*columns, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for position, column in enumerate(table.columns):
        column.no_wrap, column.overflow = position in whole, "fold"
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row whose cells can't move the cursor or end the line."""
    table.add_row(*map(printable, cells))


def number(value: float | None, places: int = 4, missing: str = "none") -> str:
    """A figure as text."""
    return missing if value is None else f"{value:.{places}f}"


def print_summary(settings: "Settings", outcome: "Outcome") -> None:
    """Print the materialised tables and, where the run evaluated a model, its metrics and the decision."""
    from reco_assets.models.families import FAMILIES, assets_of

    shown = console()
    tables = Table("table", "rows", "Delta version", title=f"Lakehouse {settings.storage.root}", title_justify="left")
    tables.columns[1].justify = tables.columns[2].justify = "right"
    for name, values in outcome.metadata.items():
        if "dagster/row_count" in values:
            tables.add_row(name, f"{values['dagster/row_count']:,}", str(values.get("delta_version", "")))
    if tables.row_count:
        shown.print(tables)
    for family in FAMILIES:
        candidate, evaluation, champion = (outcome.metadata.get(key, {}) for key in assets_of(family))
        if candidate.get("trained") is False:
            shown.print(f"No version of {family.name} was trained: {candidate['reason']}.")
        for found in ("chosen", "new_movies"):
            if found in candidate:
                shown.print(str(candidate[found]))
        if "report" in evaluation:
            _print_metrics(shown, str(evaluation["version"]), Path(evaluation["path"]))
        if champion:
            shown.print(f"{champion['candidate']} {champion['reason']}. Champion: {champion['champion']}.")


def _print_metrics(to: Console, version: str, path: Path) -> None:
    from reco_assets.models.record import MetricsRecord
    from resources.documents import read_document

    metrics = read_document(path, MetricsRecord)
    stars, ranking, baselines = metrics.evaluation, metrics.ranking, metrics.baselines
    k = ranking.k
    shown = Table("", "warm RMSE", f"NDCG@{k}", f"hit rate@{k}", title=f"Model {version}", title_justify="left")
    shown.add_row("model", number(stars.rmse), number(ranking.ndcg), number(ranking.hit_rate))
    if metrics.serves and metrics.serves.replaced:
        serves = metrics.serves
        shown.add_row("what it serves", number(serves.rmse), number(serves.ndcg), number(serves.hit_rate))
    if metrics.champion:
        name, of = f"champion {metrics.champion.version}", metrics.champion
        shown.add_row(name, number(of.evaluation.rmse), number(of.ranking.ndcg), number(of.ranking.hit_rate))
    shown.add_row("bias only", number(baselines.bias_only.rmse), "", "")
    popular = baselines.popularity
    shown.add_row("popularity", "", number(popular.ndcg), number(popular.hit_rate))
    to.print(shown)
    warm = "none" if stars.coverage is None else f"{stars.coverage:.1%}"
    to.print(f"Split {stars.split}, {stars.test_count:,} test ratings, {warm} of them warm.")
    for section in (metrics.protocol, metrics.forward, metrics.slices):
        if section.text:
            to.print(section.text)
    if metrics.sampled:
        _print_sampled(to, metrics.sampled)


def _print_sampled(to: Console, sampled: "SampledRecord") -> None:
    to.print(f"The lists above are of the full catalogue. Below: {sampled.protocol}.")
    shown = Table("", "AUC", f"NDCG@{sampled.k}", f"hit rate@{sampled.k}")
    for name, scores in sampled.models.items():
        shown.add_row(name.replace("_", " "), *map(number, (scores.auc, scores.ndcg, scores.hit_rate)))
    to.print(shown)
