"""Whether a candidate becomes the champion: one pure function of what the evaluations found. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from reco_assets.models.interface import Baseline
from reco_assets.models.judging.comparison import Comparison, Difference

_NAMES: dict[Baseline, str] = {"bias_only": "bias-only", "popularity": "popularity"}
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

    def beats(self, baseline: Baseline) -> bool:
        """Whether warm stars beat bias-only's, or lists popularity's."""
        if baseline == "bias_only":
            return _below(self.rmse, self.bias_only_rmse)
        return _below(self.popularity_ndcg, self.ndcg)

    def beside(self, baseline: Baseline) -> str:
        """The figures that say so."""
        if baseline == "bias_only":
            return f"warm RMSE {_text(self.rmse)} against bias-only's {_text(self.bias_only_rmse)}"
        return f"NDCG@{self.k} {_text(self.ndcg)} against popularity's {_text(self.popularity_ndcg)}"


@dataclass(frozen=True)
class Promotion:
    """The decision and why."""

    promote: bool
    reason: str


def decide_promotion(
    candidate: Scores,
    against: Comparison | None,
    without: str = NO_CHAMPION,
    must_beat: Sequence[Baseline] = ("bias_only", "popularity"),
) -> Promotion:
    """Promote a candidate that beats its baselines and is not worse than the champion beyond noise.

    Worse beyond noise is what the whole 95 % interval says: NDCG below the champion's, or RMSE above it.

    Args:
        candidate: What the candidate scored, and the baselines beside it.
        against: The comparison with the champion; None where there is none to compare with.
        without: Why there is none.
        must_beat: The baselines that this kind of model must beat.
    """
    if not all(candidate.beats(baseline) for baseline in must_beat):
        figures = ", ".join(candidate.beside(baseline) for baseline in reversed(must_beat))
        named = "both baselines" if len(must_beat) > 1 else _NAMES[must_beat[0]]
        return Promotion(False, f"rejected: does not beat {named}: {figures}")
    if against is None:
        beaten = f"beats {' and '.join(_NAMES[baseline] for baseline in must_beat)}, and " if must_beat else ""
        return Promotion(True, f"promoted: {beaten}{without}")
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
