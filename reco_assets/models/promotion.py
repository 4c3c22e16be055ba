"""Whether a candidate becomes the champion: one pure function of what the evaluations found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

# Seed noise on ml-latest-small: NDCG@10 differs by up to 2 % and RMSE by 0.001 between seeds.
NDCG_NOISE, RMSE_NOISE = 0.02, 0.002


@dataclass(frozen=True)
class Scores:
    """What the decision looks at; errors in stars, None where there was nothing to judge."""

    k: int
    ndcg: float | None
    popularity_ndcg: float | None
    rmse: float | None
    bias_only_rmse: float | None
    rmse_all: float | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the sections of run_metrics_<version>.json."""
        return cls(
            k=document["ranking"]["k"],
            ndcg=document["ranking"]["ndcg"],
            popularity_ndcg=document["baselines"]["popularity"]["ndcg"],
            rmse=document["evaluation"]["rmse"],
            bias_only_rmse=document["baselines"]["bias_only"]["rmse"],
            rmse_all=document["evaluation"]["rmse_all"],
        )

    @property
    def beats_baselines(self) -> bool:
        """Whether warm stars beat bias-only and lists beat popularity."""
        return _below(self.rmse, self.bias_only_rmse) and _below(self.popularity_ndcg, self.ndcg)


@dataclass(frozen=True)
class Promotion:
    """The decision and why."""

    promote: bool
    reason: str


def decide_promotion(candidate: Scores, champion: Scores | None) -> Promotion:
    """Promote a candidate that beats both baselines and is not worse than the champion beyond seed noise.

    Both must have been judged on the same test rows; `champion` is None where there is none to compare with.
    """
    if not candidate.beats_baselines:
        stars = f"warm RMSE {_text(candidate.rmse)} against bias-only {_text(candidate.bias_only_rmse)}"
        lists = f"NDCG@{candidate.k} {_text(candidate.ndcg)} against popularity {_text(candidate.popularity_ndcg)}"
        return Promotion(False, f"rejected: {stars}, {lists}")
    if champion is None or champion.ndcg is None or champion.rmse_all is None:
        return Promotion(True, "promoted: beats bias-only and popularity, and there is no champion to compare with")
    compared = (
        f"NDCG@{candidate.k} {_text(candidate.ndcg)} against the champion's {_text(champion.ndcg)}, "
        f"RMSE {_text(candidate.rmse_all)} against {_text(champion.rmse_all)}"
    )
    worse_lists = _below(candidate.ndcg, champion.ndcg * (1 - NDCG_NOISE))
    worse_stars = _below(champion.rmse_all + RMSE_NOISE, candidate.rmse_all)
    if worse_lists or worse_stars:
        return Promotion(False, f"rejected: {compared}")
    return Promotion(True, f"promoted: {compared}")


def _below(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low < high


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
