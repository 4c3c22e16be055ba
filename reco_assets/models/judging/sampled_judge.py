"""A version judged on held-out movies, with popularity and its rivals beside it, and what follows from that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from reco_assets.models.baselines import fit_baselines
from reco_assets.models.interface import Family, HeldOut, Recommender
from reco_assets.models.judging.document import metrics_document
from reco_assets.models.judging.evaluation import BaselineScores, Evaluation, Exam, Protocol, protocol_of
from reco_assets.models.judging.sampled import SampledLists, SampledProtocol, judge_lists, sample_lists
from reco_assets.models.judging.sampled_document import CANDIDATE, POPULARITY, Scores, sampled_section
from reco_assets.models.judging.sampled_gate import decide_deployment
from reco_assets.models.limits import Limits
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.store import model_store
from reco_assets.statistics import pair_number
from resources.files import plain_json
from resources.settings import Settings

SPLIT = "leave_latest_out"


def judge_sampled(
    settings: Settings, family: Family, version: str, held: HeldOut, limits: Limits, *, moment: datetime
) -> dict[str, Any]:
    """The run metrics of a version at a moment (UTC), with the figures among sampled negatives and what they lead to.

    What is deployed is judged, too, and never deployed again. Raises `ModelStoreError` when the version cannot be
    loaded, `NoRatingsError` when nothing could be learned from.
    """
    store, protocol = model_store(settings, family), SampledProtocol(settings.judging.seed)
    lists = sample_lists(held.known, held.ratings, protocol)
    found = judge_held_out(store.load(version), held, lists, protocol.k, protocol_of(settings.judging, SPLIT))
    sections = {**found.stars.document(), **found.baselines.document()}
    document = metrics_document(settings, family, store.record(version), sections, moment=moment)
    champion = store.champion()
    decision = decide_deployment(
        found.scores[CANDIDATE][0],
        found.scores[POPULARITY][0],
        limits,
        protocol.describe(),
        deployed=version if version == champion else None,
    )
    decided = plain_json(decision.document())
    return {
        **document,
        "sampled": sampled_section(protocol.describe(), found.scores, protocol.k, protocol.negatives),
        "comparison": {
            "champion": champion,
            "promote": decision.deploy,
            "reason": decision.reason,
            "next_task": decided["next_task"],
        },
        "deploy_decision": decided,
    }


def not_learned(held: HeldOut, learned: Ratings) -> HeldOut:
    """Without the held-out pairs that a model learned from: someone rated the movie again after it was trained."""
    pairs, known = (pair_number(rows.user_id, rows.movie_id) for rows in (held.ratings, learned))
    return replace(held, ratings=held.ratings.where(~np.isin(pairs, known)))


@dataclass(frozen=True)
class Findings:
    """What a model scored on held-out movies: its stars and full lists, the baselines', and all models' scores."""

    stars: Evaluation
    baselines: BaselineScores
    scores: Mapping[str, Scores]


def judge_held_out(model: Recommender, held: HeldOut, lists: SampledLists, k: int, full: Protocol) -> Findings:
    """Judge a model, popularity and its rivals by lists of k among the same negatives, and over the full catalogue."""
    baselines = fit_baselines(held.known)
    exam = Exam(held.ratings, held.known, full)
    stars, beside = exam.evaluate_beside(model, baselines)
    rivals = held.rivals(held.known)
    scores = {
        CANDIDATE: (judge_lists(model, lists, k), stars.ranking),
        POPULARITY: (judge_lists(baselines.popularity, lists, k), beside.popularity),
    }
    for name, rival in rivals.items():
        scores[name] = judge_lists(rival, lists, k), exam.rank(rival)
    return Findings(stars, beside, scores)
