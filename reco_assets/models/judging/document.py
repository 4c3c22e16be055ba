"""An evaluation as people and programs read it: the documented JSON, flat numbers, a report, a plot."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reco_assets.models.interface import Family
from reco_assets.models.judging.gate_document import difference_report
from reco_assets.models.judging.sampled_document import sampled_numbers, sampled_report
from reco_assets.models.judging.slice_document import slices_report
from reco_assets.models.record import ModelRecord
from reco_assets.reports.page import png_address
from resources.settings import Settings
from resources.text.plain_text import markdown_table

_COLOURS = {"candidate": "#3d6fb4", "champion": "#86a9d6"}


def metrics_document(
    settings: Settings,
    family: Family,
    record: ModelRecord,
    sections: Mapping[str, Any],
    *,
    moment: datetime,
) -> dict[str, Any]:
    """run_metrics_<version>.json in the documented format, extended by `ranking` and `baselines`.

    Args:
        settings: What it was judged by.
        family: What it is.
        record: Its model.json.
        sections: What it came to: `evaluation`, `ranking` and `baselines`, and `by_origin` where that was asked.
        moment: When the version was judged (UTC).
    """
    test_count = sections["evaluation"]["test_count"]
    return {
        "model_version": record.version,
        "execution_ts": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hyperparameters": hyperparameters(settings, family, record),
        "dataset_info": {
            "storage_format": settings.storage.format,
            "split_info": {
                "train_count": record.train_count,
                "test_count": test_count,
                "total_count": record.train_count + test_count,
            },
        },
        **sections,
        **({"new_movies": record.new_movies} if record.new_movies else {}),
        "recommendations": {"top_n": settings.serving.top_n},
    }


def hyperparameters(settings: Settings, family: Family, record: ModelRecord) -> dict[str, Any]:
    """What a version was trained with and judged by, under the documents' names and our own."""
    return {
        **family.hyperparameters(record.config),
        "cold_start_strategy": settings.judging.cold_start_strategy,
        "seed": record.seed,
        "top_n": settings.serving.top_n,
    }


def scalar_metrics(document: Mapping[str, Any]) -> dict[str, float]:
    """Every number of an evaluation under a stable name, for Dagit's plots and for MLflow; undefined ones left out."""
    popularity, origins = document["baselines"]["popularity"], document.get("by_origin", {})
    comparison = document.get("comparison", {})
    numbers = {
        **document["evaluation"],
        **{name: document["ranking"][name] for name in ("ndcg", "precision", "recall", "map", "hit_rate", "users")},
        "bias_only_rmse": document["baselines"]["bias_only"]["rmse"],
        "popularity_ndcg": popularity["ndcg"],
        "popularity_hit_rate": popularity["hit_rate"],
        **{
            f"{origin}_{name}": scores[name]
            for origin, scores in origins.items()
            for name in ("rmse", "rmse_all", "ndcg", "test_count")
        },
        **{
            f"{name}_{end}_against_champion": comparison[name][end]
            for name in ("ndcg", "rmse")
            if name in comparison
            for end in ("difference", "low", "high", "users")
        },
        **{
            f"forward_{name}_difference": document["forward"][name]["difference"]
            for name in ("ndcg", "rmse")
            if name in document.get("forward", {})
        },
        **(sampled_numbers(document["sampled"]) if "sampled" in document else {}),
        **{f"new_movies_{name}": document.get("new_movies", {}).get(name, {}).get("value") for name in ("auc", "ndcg")},
    }
    return {name: value for name, value in numbers.items() if isinstance(value, int | float)}


def metrics_report(version: str, document: Mapping[str, Any]) -> str:
    """The evaluation as markdown, beside its baselines and the champion."""
    stars, ranking, baselines = document["evaluation"], document["ranking"], document["baselines"]
    champion = document.get("champion")
    rows = [_row("candidate", stars["rmse"], stars["rmse_all"], ranking["ndcg"], ranking["hit_rate"])]
    if champion:
        scores = champion["evaluation"], champion["ranking"]
        name = f"champion {champion['version']}"
        rows.append(_row(name, scores[0]["rmse"], scores[0]["rmse_all"], scores[1]["ndcg"], scores[1]["hit_rate"]))
    if serves := document.get("serves"):
        rows.insert(1, _row("what it serves", *(serves[name] for name in ("rmse", "rmse_all", "ndcg", "hit_rate"))))
    popular = baselines["popularity"]
    rows += [
        _row("bias only", baselines["bias_only"]["rmse"], baselines["bias_only"]["rmse_all"], None, None),
        _row("popularity", None, None, popular["ndcg"], popular["hit_rate"]),
    ]
    lines = [
        f"### {version} on split `{stars['split']}`",
        "",
        *markdown_table(("model", "warm RMSE", "RMSE, all pairs", "NDCG@k", "hit rate@k"), rows),
        "",
        f"k = {ranking['k']}, relevant from {ranking['threshold']} stars, full catalogue; {ranking['users']:,} users, "
        f"{ranking['skipped_users']:,} skipped without a relevant movie. Coverage {_number(stars['coverage'])}: "
        f"{stars['predictions_count']:,} of {stars['test_count']:,} test pairs are warm.",
        *(line for name in ("protocol", "forward") if name in document for line in ("", document[name]["text"])),
        *_origin_rows({"candidate": document, "champion": champion} if champion else {"candidate": document}),
        *(sampled_report(document["sampled"]) if "sampled" in document else []),
        *(["", document["new_movies"]["line"]] if "new_movies" in document else []),
        *difference_report(document),
        *slices_report(document),
        *(["", f"**{document['comparison']['reason']}**"] if "comparison" in document else []),
    ]
    return "\n".join(lines)


def _origin_rows(judged: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The same figures on test ratings from history and from the stream apart; nothing where all are from history."""
    if not any("stream" in document.get("by_origin", {}) for document in judged.values()):
        return []
    rows = [
        [
            *_row(f"{name}, {origin}", *(scores[key] for key in ("rmse", "rmse_all", "ndcg"))),
            f"{scores['test_count']:,}",
        ]
        for name, document in judged.items()
        for origin, scores in document["by_origin"].items()
    ]
    header = ("model, test ratings from", "warm RMSE", "RMSE, all pairs", "NDCG@k", "test ratings")
    return ["", *markdown_table(header, rows)]


def metrics_plot(document: Mapping[str, Any]) -> str:
    """Candidate, champion and baseline as a bar chart: a PNG inside markdown, readable offline."""
    from matplotlib.figure import Figure

    baselines, k = document["baselines"], document["ranking"]["k"]
    judged = {"candidate": document, **({"champion": document["champion"]} if document.get("champion") else {})}
    of_stars = {name: found["evaluation"]["rmse"] for name, found in judged.items()}
    of_lists = {name: found["ranking"]["ndcg"] for name, found in judged.items()}
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    stars, lists = figure.subplots(1, 2)
    _bars(stars, "warm RMSE (stars, lower is better)", of_stars | {"bias only": baselines["bias_only"]["rmse"]})
    _bars(lists, f"NDCG@{k} (higher is better)", of_lists | {"popularity": baselines["popularity"]["ndcg"]})
    return f"![candidate against {'champion and ' if len(judged) > 1 else ''}baselines]({png_address(figure)})"


def _bars(axes: Any, title: str, scores: Mapping[str, float | None]) -> None:
    names = list(scores)[::-1]  # the first one on top
    colours = [_COLOURS.get(name, "#b8c0cc") for name in names]
    bars = axes.barh(names, [_or_nan(scores[name]) for name in names], color=colours)
    axes.bar_label(bars, fmt="%.4f", padding=3, fontsize=8)
    axes.set_title(title, fontsize=9)
    axes.margins(x=0.2)
    axes.spines[["top", "right"]].set_visible(False)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _row(name: str, *values: float | None) -> list[str]:
    return [name, *map(_number, values)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
