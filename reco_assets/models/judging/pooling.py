"""What a model came to on all users, from what it came to on blocks of them. Pure.

Every figure is a mean over a number of pairs or of users that stands beside it, so blocks count by these.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reco_assets.models.judging.evaluation import ColdStart

Section = Mapping[str, Any]

_COUNTS = ("test_count", "predictions_count", "users", "skipped_users")
_RULES = ("split", "k", "threshold")  # the same in all blocks


def pooled(blocks: Sequence[Section], cold_start: ColdStart) -> dict[str, Any]:
    """The sections of a `Judgement` on all users, from those on at least one block; no user is in two blocks.

    They are what judging all users at once gives, but for the last digits, which depend on the order of a sum.
    """
    stars, lists = [block["evaluation"] for block in blocks], [block["ranking"] for block in blocks]
    warm, users = [found["predictions_count"] for found in stars], [found["users"] for found in lists]
    bias_only = [block["baselines"]["bias_only"] for block in blocks]
    tested = [found["test_count"] for found in stars]
    popular = [block["baselines"]["popularity"] for block in blocks]
    origins = dict.fromkeys(origin for block in blocks for origin in block["by_origin"])
    return {
        "evaluation": _together(stars, cold_start),
        "ranking": _together(lists, cold_start),
        "baselines": {
            "bias_only": {
                "rmse": _root_mean([found["rmse"] for found in bias_only], warm),
                "rmse_all": _root_mean([found["rmse_all"] for found in bias_only], tested),
            },
            "popularity": {name: _mean([found[name] for found in popular], users) for name in popular[0]},
        },
        "by_origin": {
            origin: _together(
                [block["by_origin"][origin] for block in blocks if origin in block["by_origin"]], cold_start
            )
            for origin in sorted(origins)
        },
    }


def _together(sections: Sequence[Section], cold_start: ColdStart) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sections[0]:
        values = [section[name] for section in sections]
        if name in _RULES:
            found[name] = values[0]
        elif name in _COUNTS:
            found[name] = sum(values)
        else:
            counted = [section[_counted_by(name, cold_start)] for section in sections]
            found[name] = (_root_mean if name.startswith("rmse") else _mean)(values, counted)
    return found


def _counted_by(name: str, cold_start: ColdStart) -> str:
    """How many a figure is the mean of."""
    if name in ("rmse", "mae"):  # where cold pairs aren't dropped, one of them leaves no number
        return "predictions_count" if cold_start == "drop" else "test_count"
    return "test_count" if name in ("rmse_all", "mae_all", "coverage") else "users"


def _root_mean(values: Sequence[float | None], counted: Sequence[int]) -> float | None:
    mean = _mean([value and value**2 for value in values], counted)
    return mean and math.sqrt(mean)


def _mean(values: Sequence[float | None], counted: Sequence[int]) -> float | None:
    """The mean of means; None of nothing, or where one of something has no number."""
    told = [(value, count) for value, count in zip(values, counted, strict=True) if count]
    numbers = [value * count for value, count in told if value is not None]
    if not told or len(numbers) < len(told):
        return None
    return math.fsum(numbers) / sum(count for _, count in told)
