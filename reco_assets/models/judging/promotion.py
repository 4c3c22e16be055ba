"""What of a candidate would serve, and whether that becomes the champion: pure functions of what judging found. Pure.

Each part is held against a baseline, lists against popularity's and stars against bias-only's, by the paired bootstrap
of `comparison`. A baseline that is the better one stands in for the part, so that a version is never worse than both
baselines beyond noise, and the first one can always serve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reco_assets.models.judging.comparison import Comparison, Difference
from reco_assets.models.record import ModelPart

NO_CHAMPION = "there is no champion to compare with"
# ALS's lists on ml-latest-small (NDCG@10 0.113 against popularity's 0.076) are told to be better by 26 in 100 tests of
# 20 of its users, by 62 of 100 users, by 90 of 200.
ENOUGH_USERS = 100
BASELINES: Mapping[ModelPart, str] = {"lists": "popularity", "stars": "bias-only"}
_NOISE = {1: "better beyond noise", 0: "no difference beyond noise", -1: "worse beyond noise"}
_TESTED: Mapping[ModelPart, str] = {"lists": "rated a relevant movie", "stars": "has test ratings"}


@dataclass(frozen=True)
class Promotion:
    """The decision and why, in one line that says what serves."""

    promote: bool
    reason: str


@dataclass(frozen=True)
class Findings:
    """What a candidate's parts came to beside their baselines; lists are of `k` movies.

    `replaceable`: the parts that a baseline may stand in for; `replaced`: those that one stands in for.
    """

    k: int
    beside: Comparison
    replaceable: Sequence[ModelPart]
    replaced: Sequence[ModelPart]


def replaced_by_baselines(
    beside: Comparison, replaceable: Sequence[ModelPart], untold: Sequence[ModelPart] | None = None
) -> tuple[ModelPart, ...]:
    """The parts of a candidate that their baselines are better than.

    A baseline is better where the whole 95 % interval says so. With fewer than `ENOUGH_USERS` that tells too little:
    the part has to have the better score then.

    Args:
        beside: The candidate compared with the baselines.
        replaceable: The parts that a baseline may stand in for.
        untold: The parts that one stands in for where nobody was judged: those of the champion. None: all of them.
    """
    otherwise = replaceable if untold is None else untold
    return tuple(
        part
        for part in replaceable
        if (part in otherwise if (found := _of(beside, part)) is None else _is_replaced(part, found))
    )


def decide_promotion(found: Findings, against: Comparison | None, without: str = NO_CHAMPION) -> Promotion:
    """Promote a candidate unless what it would serve is worse than what the champion serves, beyond noise.

    Worse beyond noise is what the whole 95 % interval says: NDCG below the champion's, or RMSE above it.

    Args:
        found: What its parts came to.
        against: What it would serve, compared with what the champion serves; None where there is none to compare with.
        without: Why there is none.
    """
    promote = against is None or all(_verdict(part, _of(against, part)) >= 0 for part in BASELINES)
    said = [without] if against is None else [_against_champion(part, against, found.k) for part in BASELINES]
    if found.replaceable:
        parts = " and ".join(_serving(part, found) for part in BASELINES)
        said.append(f"{'serves' if promote else 'would serve'} {parts}")
        said += _too_small(found.beside)
    return Promotion(promote, f"{'promoted' if promote else 'rejected'}: {'; '.join(said)}")


def _of(compared: Comparison, part: ModelPart) -> Difference | None:
    return compared.ndcg if part == "lists" else compared.rmse


def _is_replaced(part: ModelPart, found: Difference) -> bool:
    if found.users < ENOUGH_USERS:
        return not (found.candidate > found.rival if part == "lists" else found.candidate < found.rival)
    return _verdict(part, found) < 0


def _verdict(part: ModelPart, found: Difference | None) -> int:
    """1 where the candidate is better beyond noise, -1 where it is worse, 0 where nothing tells."""
    if found is None or found.low <= 0 <= found.high:
        return 0
    return 1 if (found.low > 0) == (part == "lists") else -1


def _against_champion(part: ModelPart, against: Comparison, k: int) -> str:
    found = _of(against, part)
    if found is None:
        return f"{_measure(part, k)} says nothing, as hardly anyone {_TESTED[part]}"
    scores = f"{_measure(part, k)} {found.candidate:.4f} against the champion's {found.rival:.4f}"
    return f"{scores}, {_NOISE[_verdict(part, found)]} ({_interval(found)})"


def _serving(part: ModelPart, found: Findings) -> str:
    """What serves for a part, and the figures that say why."""
    compared, baseline, measure = _of(found.beside, part), BASELINES[part], _measure(part, found.k)
    replaced = part in found.replaced
    serves = f"{baseline if replaced else 'the model'}'s {part}"
    if compared is None:
        return f"{serves} (hardly anyone {_TESTED[part]})"
    figures = (
        f"{compared.rival:.4f}; the model's {compared.candidate:.4f}"
        if replaced
        else f"{compared.candidate:.4f} against {baseline}'s {compared.rival:.4f}"
    )
    return f"{serves} ({measure} {figures}, {_NOISE[_verdict(part, compared)]}: {_interval(compared)})"


def _interval(found: Difference) -> str:
    return (
        f"difference {found.candidate - found.rival:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, "
        f"{found.users:,} users"
    )


def _too_small(beside: Comparison) -> list[str]:
    """That the test is too small to tell, where it is."""
    users = {part: found.users if (found := _of(beside, part)) else 0 for part in BASELINES}
    if min(users.values()) >= ENOUGH_USERS:
        return []
    counted = ", ".join(f"{part} were judged on {count:,} users" for part, count in users.items())
    return [
        f"the test is too small to tell: {counted}, and below {ENOUGH_USERS} a part needs the better score to serve"
    ]


def _measure(part: ModelPart, k: int) -> str:
    return f"NDCG@{k}" if part == "lists" else "RMSE"
