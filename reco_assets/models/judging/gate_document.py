"""What would serve of a candidate, and how that differs from what serves, as people and programs read it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from reco_assets.models.record import ModelPart
from reco_assets.tables import TEST_RATINGS
from resources.text.plain_text import markdown_table


def what_serves(sections: Mapping[str, Any], replaced: Sequence[ModelPart]) -> dict[str, Any]:
    """The `serves` section of the run metrics: whose stars and lists would serve, and what these scored.

    `replaced` are the parts that a baseline stands in for.
    """
    own, baselines = "model", sections["baselines"]
    by_stars, stars = ("bias_only", baselines["bias_only"]) if "stars" in replaced else (own, sections["evaluation"])
    by_lists, lists = ("popularity", baselines["popularity"]) if "lists" in replaced else (own, sections["ranking"])
    return {
        "stars": by_stars,
        "lists": by_lists,
        **{name: stars[name] for name in ("rmse", "rmse_all")},
        **{name: lists[name] for name in ("ndcg", "hit_rate")},
    }


def facts_of(document: Mapping[str, Any]) -> dict[str, str]:
    """What the numbers of an evaluation are of, for Dagit and MLflow: those on other test ratings can't be compared."""
    if "sampled" in document:
        return {"sampled_protocol": document["sampled"]["protocol"]}
    serves, champion = document["serves"], document["champion"]
    return {
        "test_version": str(document["inputs"][TEST_RATINGS.name]),
        "compared_with": champion["version"] if champion else "none",
        "serves": f"lists: {serves['lists']}, stars: {serves['stars']}",
    }


def difference_report(document: Mapping[str, Any]) -> list[str]:
    """How a candidate differs from champion and baselines on the same test ratings, as lines of markdown."""
    if "serves" not in document:
        return []
    compared, names = document["comparison"], {"ndcg": f"NDCG@{document['ranking']['k']}", "rmse": "RMSE, all pairs"}
    rivals = {
        f"what it serves - champion {compared['champion']}": compared,
        "candidate - baseline": compared["baselines"],
    }
    rows = [
        [names[score], rival, *_cells(differences[score])]
        for rival, differences in rivals.items()
        for score in names
        if score in differences
    ]
    return [
        "",
        *markdown_table(("score", "difference", "", "95 % interval", "users"), rows),
        "",
        f"All on {TEST_RATINGS.name} version {document['inputs'][TEST_RATINGS.name]}. Figures of versions that were "
        "judged on another one can't be compared with these.",
    ]


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [f"{found['difference']:+.4f}", f"{found['low']:+.4f} to {found['high']:+.4f}", f"{found['users']:,}"]
