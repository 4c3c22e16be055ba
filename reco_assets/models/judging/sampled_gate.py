"""Whether a model judged by sampled negatives may be deployed: one pure function of its figures and of popularity's.

Pure.
"""

import math
from dataclasses import dataclass
from typing import Any

from reco_assets.models.judging.sampled import SampledMetrics
from reco_assets.models.limits import Limits

DEPLOY_DECISION = "deploy_decision"  # where documents, metadata and results have it
DEPLOY_MODEL, SKIP_DEPLOY = "deploy_model", "skip_deploy"
ROUNDING = 1e-12  # of 1.1 x 0.5, which in floating point is more than 0.55


@dataclass(frozen=True)
class Deployment:
    """The decision and why; `metrics` are the figures it looked at, with their protocol."""

    deploy: bool
    reason: str
    metrics: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The `deploy_decision` that a task reads."""
        return {
            "next_task": DEPLOY_MODEL if self.deploy else SKIP_DEPLOY,
            "reason": self.reason,
            "metrics": self.metrics,
        }


def decide_deployment(
    found: SampledMetrics,
    popularity: SampledMetrics,
    limits: Limits,
    protocol: str,
    deployed: str | None = None,
) -> Deployment:
    """Deploy a model whose AUC, NDCG@10 and hit rate@10 reach their limits, and whose NDCG@10 is far enough above
    popularity's; a figure that is exactly its limit reaches it.

    Popularity passes AUC and hit rate on MovieLens by itself.

    Args:
        found: What the model scored.
        popularity: What popularity scored on the same.
        limits: The limits.
        protocol: How both were judged, in words.
        deployed: The version, where it is what serves already: that is never deployed again.
    """
    wanted = limits.popularity_factor * popularity.ndcg
    figures = (
        ("AUC", found.auc, limits.auc, ""),
        ("NDCG@10", found.ndcg, limits.ndcg, ""),
        ("hit rate@10", found.hit_rate, limits.hit_rate, ""),
        ("NDCG@10", found.ndcg, wanted, f" ({limits.popularity_factor:g} x popularity's {popularity.ndcg:.4f})"),
    )
    metrics = {
        "auc": found.auc,
        "ndcg_at_10": found.ndcg,
        "hit_rate_at_10": found.hit_rate,
        "popularity_ndcg_at_10": popularity.ndcg,
        "users": found.users,
        "protocol": protocol,
    }
    if not found.users:
        return Deployment(False, "rejected: nobody has a held-out movie to rank, so nothing was judged", metrics)
    missed = [
        f"{name} {value:.4f} is below {limit:.4f}{what}"
        for name, value, limit, what in figures
        if not _reaches(value, limit)
    ]
    if deployed:
        today = ", ".join(f"{name} {value:.4f}" for name, value, _, _ in figures[:3])
        by_now = f", and by now {', '.join(missed)}" if missed else ""
        return Deployment(
            False, f"skipped: {deployed} is deployed already; it has {today}{by_now}; {protocol}", metrics
        )
    if missed:
        return Deployment(False, f"rejected: {', '.join(missed)}; {protocol}", metrics)
    reached = ", ".join(f"{name} {value:.4f} reaches {limit:.4f}{what}" for name, value, limit, what in figures)
    return Deployment(True, f"promoted: {reached}; {protocol}", metrics)


def nothing_to_deploy(reason: str) -> Deployment:
    """The decision where nothing new was trained, or nothing at all."""
    return Deployment(False, reason, {})


def _reaches(value: float, limit: float) -> bool:
    return value >= limit or math.isclose(value, limit, rel_tol=ROUNDING)
