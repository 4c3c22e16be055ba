"""Whether a candidate becomes the champion: one pure function of what the evaluations found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reco_assets.models.judging.comparison import Comparison, Difference

NO_CHAMPION = "there is no champion to compare with"


@dataclass(frozen=True)
class Scores:
    """What the gate looks at: a candidate beside both baselines, errors in stars; None where nothing was judged."""

    k: int
    ndcg: float | None
    popularity_ndcg: float | None
    rmse: float | None
    bias_only_rmse: float | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the sections of run_metrics_<version>.json."""
        return cls(
            k=document["ranking"]["k"],
            ndcg=document["ranking"]["ndcg"],
            popularity_ndcg=document["baselines"]["popularity"]["ndcg"],
            rmse=document["evaluation"]["rmse"],
            bias_only_rmse=document["baselines"]["bias_only"]["rmse"],
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


def decide_promotion(candidate: Scores, against: Comparison | None, without: str = NO_CHAMPION) -> Promotion:
    """Promote a candidate that beats both baselines and is not worse than the champion beyond noise.

    Worse beyond noise is what the whole 95 % interval says: NDCG below the champion's, or RMSE above it. `against` is
    None where there is no champion to compare with; `without` then says why.
    """
    if not candidate.beats_baselines:
        lists = f"NDCG@{candidate.k} {_text(candidate.ndcg)} against popularity's {_text(candidate.popularity_ndcg)}"
        stars = f"warm RMSE {_text(candidate.rmse)} against bias-only's {_text(candidate.bias_only_rmse)}"
        return Promotion(False, f"rejected: does not beat both baselines: {lists}, {stars}")
    if against is None:
        return Promotion(True, f"promoted: beats bias-only and popularity, and {without}")
    promote = against.ndcg.high >= 0 and against.rmse.low <= 0
    lists = f"NDCG@{candidate.k} {_compared(against.ndcg, above='better', below='worse')}"
    stars = f"RMSE {_compared(against.rmse, above='worse', below='better')}"
    return Promotion(promote, f"{'promoted' if promote else 'rejected'}: {lists}; {stars}")


def _compared(found: Difference, above: str, below: str) -> str:
    """Both numbers, and what the interval of their difference says; `above` and `below` name its sides of zero."""
    if found.low > 0:
        verdict = f"{above} beyond noise"
    elif found.high < 0:
        verdict = f"{below} beyond noise"
    else:
        verdict = "no difference beyond noise"
    return (
        f"{found.candidate:.4f} against the champion's {found.champion:.4f}, {verdict} "
        f"(difference {found.candidate - found.champion:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f})"
    )


def _below(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low < high


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
