"""A judgement by sampled negatives as people and programs read it: a section of the run metrics, a table, a plot."""

from collections.abc import Mapping
from typing import Any

from reco_assets.models.judging.metrics import RankingMetrics
from reco_assets.models.judging.sampled import SampledMetrics
from reco_assets.reports.page import png_address
from resources.files import plain_json
from resources.text.plain_text import markdown_table

Scores = tuple[SampledMetrics, RankingMetrics]  # of one model: among sampled negatives, and over the full catalogue
CANDIDATE, POPULARITY = "candidate", "popularity"
_FIGURES = ("auc", "ndcg", "hit_rate")


def sampled_section(protocol: str, scores: Mapping[str, Scores], k: int, negatives: int) -> dict[str, Any]:
    """The `sampled` section of the run metrics: every model's figures by its name; NaN becomes null.

    `protocol` says in words how lists of k among so many negatives were judged.
    """
    found = scores[CANDIDATE][0]
    section = {
        "protocol": protocol,
        "k": k,
        "negatives": negatives,
        "users": found.users,
        "skipped_users": found.skipped_users,
        "full_catalogue_k": scores[CANDIDATE][1].k,
        "models": {name: _figures(*both) for name, both in scores.items()},
    }
    plain: dict[str, Any] = plain_json(section)
    return plain


def sampled_numbers(section: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of all models under stable names, for Dagit's plots and for MLflow."""
    return {
        f"sampled_{name}" if model == CANDIDATE else f"sampled_{model}_{name}": figures[name]
        for model, figures in section["models"].items()
        for name in _FIGURES
    }


def sampled_report(section: Mapping[str, Any]) -> list[str]:
    """All models beside each other, as lines of markdown."""
    k, full = section["k"], section["full_catalogue_k"]
    header = ("model", "AUC", f"NDCG@{k}", f"hit rate@{k}", f"NDCG@{full}, full", f"hit rate@{full}, full")
    rows = [
        [_spoken(name), *(_number(figures[figure]) for figure in (*_FIGURES, "full_ndcg", "full_hit_rate"))]
        for name, figures in section["models"].items()
    ]
    return [
        "",
        *markdown_table(header, rows),
        "",
        f"Protocol: {section['protocol']}; {section['users']:,} users, {section['skipped_users']:,} skipped without a "
        "movie to rank it among. Full: the same held-out movies, ranked among all that their user did not rate.",
    ]


def sampled_plot(section: Mapping[str, Any]) -> str:
    """All models' figures among sampled negatives as a bar chart: a PNG inside markdown, readable offline."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.6), layout="constrained")
    names = list(reversed(section["models"]))
    titles = ("AUC", f"NDCG@{section['k']}", f"hit rate@{section['k']}")
    for axes, title, name in zip(figure.subplots(1, 3, sharey=True), titles, _FIGURES, strict=True):
        values = [section["models"][model][name] or 0.0 for model in names]
        colours = ["#3d6fb4" if model == CANDIDATE else "#b8c0cc" for model in names]
        axes.bar_label(axes.barh(range(len(names)), values, color=colours), fmt="%.4f", padding=3, fontsize=8)
        axes.set_yticks(range(len(names)), [_spoken(model) for model in names])
        axes.set_title(title, fontsize=9)
        axes.margins(x=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return f"![among {section['negatives']} sampled negatives]({png_address(figure)})"


def _figures(sampled: SampledMetrics, full: RankingMetrics) -> dict[str, float]:
    return {
        "auc": sampled.auc,
        "ndcg": sampled.ndcg,
        "hit_rate": sampled.hit_rate,
        "full_ndcg": full.ndcg,
        "full_hit_rate": full.hit_rate,
    }


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
