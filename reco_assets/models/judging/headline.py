"""The dozen figures of a judgement that a person looks at first, by names that a person reads. Pure.

All others are in the run metrics, in the report and in MLflow.
"""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def headline(document: Document) -> dict[str, float]:
    """The figures by name, which stays, so that each plots over versions; those that are undefined are left out."""
    found = _sampled(document["sampled"]) if "sampled" in document else _on_test_ratings(document)
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def differences(document: Document) -> dict[str, str]:
    """Candidate minus champion, or minus the baselines where none was compared with, each with its 95 % interval."""
    comparison = document.get("comparison", {})
    measures = _measures(document)
    rival, compared = ("champion", comparison) if comparison.keys() & measures else ("baseline", _baselines(comparison))
    return {
        f"candidate minus {rival}, {measure}, 95 % interval": f"{found['low']:+.4f} to {found['high']:+.4f}, "
        f"{found['users']:,} users"
        for name, measure in measures.items()
        if (found := compared.get(name))
    }


def _on_test_ratings(document: Document) -> dict[str, Any]:
    stars, lists, baselines = document["evaluation"], document["ranking"], document["baselines"]
    comparison, k = document.get("comparison", {}), lists["k"]
    against = {
        f"candidate minus champion, {measure}": comparison.get(name, {}).get("difference")
        for name, measure in _measures(document).items()
    }
    return {
        f"NDCG@{k}": lists["ndcg"],
        f"NDCG@{k}, popularity": baselines["popularity"]["ndcg"],
        f"hit rate@{k}": lists["hit_rate"],
        f"hit rate@{k}, popularity": baselines["popularity"]["hit_rate"],
        "RMSE, warm pairs": stars["rmse"],
        "RMSE, warm pairs, bias only": baselines["bias_only"]["rmse"],
        "RMSE, all pairs": stars["rmse_all"],
        **against,
        "warm share of test pairs": stars["coverage"],
        "test ratings": stars["test_count"],
        "users with something to find": lists["users"],
    }


def _sampled(section: Document) -> dict[str, Any]:
    k, models = section["k"], section["models"]
    names = {"auc": "AUC", "ndcg": f"NDCG@{k}", "hit_rate": f"hit rate@{k}"}
    of = {"candidate": "", "popularity": ", popularity"}
    found = {f"{said}{of[model]}": models[model][name] for name, said in names.items() for model in of}
    return {**found, "users with something to find": section["users"]}


def _measures(document: Document) -> dict[str, str]:
    return {"ndcg": f"NDCG@{document['ranking']['k']}", "rmse": "RMSE, all pairs"}


def _baselines(comparison: Document) -> Document:
    found: Document = comparison.get("baselines") or {}
    return found
