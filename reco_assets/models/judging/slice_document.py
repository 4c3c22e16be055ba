"""What slices came to, as people and programs read it: figures, where a version is worse, a paragraph. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from reco_assets.models.judging.slicing import EVERYTHING, Slice, Slicing
from reco_assets.models.judging.tally import ACCURACY, DIFFERENCE, FIGURES, LISTED, SPREAD, Key, Tally
from resources.files import plain_json
from resources.text.plain_text import markdown_table

LEVEL = 0.05  # the chance of warning of any slice where none is worse
LEAST_USERS = 30  # whose mean difference is near enough to normal for a t-test
_SCORES = {"ndcg": "NDCG", "rmse_all": "RMSE of all pairs"}


def slices_section(found: Tally, slicing: Slicing, own: Mapping[str, str], rival: str) -> dict[str, Any]:
    """The `slices` section of the run metrics.

    Args:
        found: Of candidate, baseline and maybe champion.
        slicing: What it was made with.
        own: Whose `ndcg` and whose `rmse_all` would serve: the candidate's or the baseline's.
        rival: Whom that is compared with.
    """
    figures = [
        {"model": key[1], "slice": key[2], "value": key[3], **_figures(found, slicing, key)}
        for key in found.sums
        if key[0] == FIGURES
    ]
    tested = _tested(found, own, rival)
    section = {"rival": rival, "level": LEVEL, "least_users": LEAST_USERS, "figures": figures, "compared": tested}
    plain: dict[str, Any] = plain_json({**section, "text": slices_told(section)})
    return plain


def worse_slices(section: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where what would serve is worse than its rival beyond noise, the surest first."""
    worse = [found for found in section["compared"] if found["p_holm"] < section["level"]]
    return sorted(worse, key=lambda found: found["p_holm"])


def slices_told(section: Mapping[str, Any]) -> str:
    """The same in a sentence."""
    worse, rival, level = worse_slices(section), section["rival"], section["level"]
    if not section["compared"]:
        return f"No slice has {section['least_users']} users to compare with the {rival} by, or nothing differs."
    by = f"{rival}, of {len(section['compared'])} comparisons (paired t-tests of users, Holm, level {level})"
    if not worse:
        return f"In no slice worse than the {by}."
    listed = [
        f"{_name(found)} ({_SCORES[found['score']]} {found['candidate']:.4f} against {found['rival']:.4f})"
        for found in worse
    ]
    return f"Worse than the {by}: {', '.join(listed)}."


def slices_report(document: Mapping[str, Any]) -> list[str]:
    """What the candidate comes to in each slice, as lines of markdown; nothing where none was asked for."""
    if "slices" not in document:
        return []
    section, k = document["slices"], document["ranking"]["k"]
    names = ("rmse_all", "ndcg", "hit_rate", "catalogue_coverage", "novelty", "intra_list_distance", "popularity_share")
    rows = [
        [_name(row), f"{row['test_count']:,}", *(_number(row[name]) for name in names)]
        for row in section["figures"]
        if row["model"] == "candidate"
    ]
    header = ("slice", "test ratings", "RMSE, all pairs", f"NDCG@{k}", f"hit rate@{k}")
    beyond = ("coverage", "novelty, bits", "intra-list distance", "popularity share")
    return ["", *markdown_table((*header, *beyond), rows), "", section["text"]]


def holm(p: Sequence[float]) -> list[float]:
    """The p-values, adjusted for how many there are.

    Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6(2).
    """
    adjusted, least = [0.0] * len(p), 0.0
    for done, at in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        least = max(least, min(1.0, p[at] * (len(p) - done)))
        adjusted[at] = least
    return adjusted


def _name(row: Mapping[str, Any]) -> str:
    return "all" if (row["slice"], row["value"]) == EVERYTHING else f"{row['slice']} {row['value']}"


def _figures(found: Tally, slicing: Slicing, key: Key) -> dict[str, Any]:
    accuracy = dict(zip(ACCURACY, found.sums[key].tolist(), strict=True))
    tested, users = accuracy["test_count"], accuracy["users"]
    return {
        "test_count": int(tested),
        "warm_share": accuracy["warm_count"] / tested,
        "rmse_all": math.sqrt(accuracy["squared_error"] / tested),
        "mae_all": accuracy["absolute_error"] / tested,
        "users": int(users),
        "ndcg": _ratio(accuracy["ndcg"], users),
        "hit_rate": _ratio(accuracy["hits"], users),
        **_beyond_accuracy(found, slicing, key[1], (key[2], key[3])),
    }


def _beyond_accuracy(found: Tally, slicing: Slicing, model: str, where: Slice) -> dict[str, float | None]:
    """Of the lists of a slice's users; of a slice of movies, of its movies in the lists of all."""
    rated = slicing.count > 0
    in_slice = slicing.of_movies(np.arange(len(slicing.count))).get(where, np.ones(len(rated), bool))
    nothing = np.zeros(len(rated), np.int64)
    of_users = found.sums.get((LISTED, model, *where))
    of_all = found.sums.get((LISTED, model, *EVERYTHING), nothing)
    everything = of_users if of_users is not None else of_all if where[0] in _OF_MOVIES else nothing
    listed = np.where(in_slice & rated, everything, 0)
    spread = found.sums.get((SPREAD, model, *where), np.zeros(2))
    bits = -np.log2(slicing.count[rated] / slicing.count.sum())
    places = int(listed.sum())
    return {
        "catalogue_coverage": _ratio(float((listed > 0).sum()), int((in_slice & rated).sum())),
        "novelty": _ratio(float(listed[rated] @ bits), places),
        "intra_list_distance": _ratio(float(spread[1]), float(spread[0])),
        "popularity_share": _ratio(float(listed[slicing.head].sum()), places),
        "share_of_lists": _ratio(places, int(everything.sum())),
    }


_OF_MOVIES = ("popularity", "movie", "genre")


def _tested(found: Tally, own: Mapping[str, str], rival: str) -> list[dict[str, Any]]:
    """Each score in each slice that has enough users, with the chance of a difference so bad where there is none."""
    tested: list[dict[str, Any]] = []
    for at, score in enumerate(_SCORES):
        for key in [key for key in found.sums if key[:3] == (DIFFERENCE, own[score], rival)]:
            users, more, squares = found.sums[key][3 * at : 3 * at + 3].tolist()
            if users >= LEAST_USERS and squares > 0:
                worse = more if score == "rmse_all" else -more
                tested.append(
                    {
                        "slice": key[3],
                        "value": key[4],
                        "score": score,
                        "users": int(users),
                        "candidate": _score(found, own[score], key, score),
                        "rival": _score(found, rival, key, score),
                        "p": _chance(users, worse, squares),
                    }
                )
    adjusted = holm([one["p"] for one in tested])
    return [{**one, "p_holm": p} for one, p in zip(tested, adjusted, strict=True)]


def _chance(users: float, worse: float, squares: float) -> float:
    """One-sided p of a paired t-test from sums: that the mean is above 0."""
    mean = worse / users
    variance = max(squares / users - mean**2, 0.0) * users / (users - 1)
    if variance == 0:
        return 0.0 if mean > 0 else 1.0
    return float(stats.t.sf(mean / math.sqrt(variance / users), users - 1))


def _score(found: Tally, model: str, key: Key, score: str) -> float | None:
    sums = dict(zip(ACCURACY, found.sums[FIGURES, model, *key[3:]].tolist(), strict=True))
    if score == "ndcg":
        return _ratio(sums["ndcg"], sums["users"])
    return math.sqrt(sums["squared_error"] / sums["test_count"])


def _ratio(total: float, count: float) -> float | None:
    return total / count if count else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
