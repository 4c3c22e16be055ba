"""A candidate beside the champion on the same test ratings: what either scores, and what follows from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from reco_assets.models.interface import Baselines, Family, Recommender
from reco_assets.models.judging.comparison import BASELINE, CANDIDATE, CHAMPION, Comparison, Draws, draw
from reco_assets.models.judging.document import metrics_document
from reco_assets.models.judging.evaluation import Exam, Judgement, Trial
from reco_assets.models.judging.gate_document import what_serves
from reco_assets.models.judging.promotion import NO_CHAMPION, Findings, decide_promotion, replaced_by_baselines
from reco_assets.models.judging.slice_document import slices_section
from reco_assets.models.judging.slices import judge_in_slices
from reco_assets.models.judging.slicing import Slicing
from reco_assets.models.record import ModelPart
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.settings import Settings

DEPLOY, ROLL_BACK = "deploy_new_model", "rollback_model"


class Judge(Protocol):
    """Who judges versions on the same test ratings, wherever these are."""

    @property
    def split(self) -> str:
        """The policy by which the test ratings were split from what was trained on."""

    @property
    def slicing(self) -> Slicing | None:
        """What the test ratings are sliced by; None: by nothing."""

    def open(self, store: ModelStore, version: str, *, as_trained: bool) -> Any:
        """What `judge` takes of a version, of what it serves or, as trained, of all its own parts.

        Raises `ModelStoreError` where it is missing or damaged.
        """

    def judge(self, opened: Sequence[Any]) -> list[Judgement]:
        """What each version came to; the baselines are those of what the first was trained on."""


@dataclass(frozen=True)
class InMemory:
    """Judges versions that are loaded whole; the rest as of `Trial`, baselines by the model of the first version."""

    exam: Exam
    streamed: np.ndarray
    baselines_of: Callable[[Recommender], Baselines]
    slicing: Slicing | None = None

    @property
    def split(self) -> str:
        """See `Judge`."""
        return self.exam.protocol.split

    def open(self, store: ModelStore, version: str, *, as_trained: bool) -> Recommender:
        """See `Judge`."""
        return store.load(version, as_trained=as_trained)

    def judge(self, opened: Sequence[Recommender]) -> list[Judgement]:
        """See `Judge`."""
        trial = Trial(self.exam, self.streamed, self.baselines_of(opened[0]))
        return judge_in_slices(trial, opened, self.slicing)


def judge(settings: Settings, family: Family, version: str, by: Judge, moment: datetime) -> dict[str, Any]:
    """The run metrics of a version at a moment (UTC), with the champion's beside them and the comparison of both.

    The version is judged as it was trained, beside the baselines; what it would serve of both is compared with what
    the champion serves. What serves already stays as it is, whatever is found.

    Raises `ModelStoreError` when either cannot be loaded: then nothing is decided, and gold stays as it is.
    """
    store = model_store(settings, family)
    candidate, champion = by.open(store, version, as_trained=True), store.champion()
    incomparable = _why_incomparable(store, version, champion, by.split)
    opened = [candidate] if incomparable else [candidate, _open_champion(store, str(champion), by)]
    found, *beside = by.judge(opened)
    draws, record = _drawn(settings, found, beside), store.record(version)
    baselines = draws.compare(CANDIDATE, BASELINE)
    replaced = _replaced(store, version, champion, baselines)
    against = against_champion(draws, replaced) if beside else None
    findings = Findings(found.sections["ranking"]["k"], baselines, family.replaceable, replaced)
    decision = decide_promotion(findings, against, incomparable or NO_CHAMPION)
    return {
        **metrics_document(settings, family, record, found.sections, moment=moment),
        "serves": what_serves(found.sections, replaced),
        **_in_slices(by, found, CHAMPION if beside else BASELINE, replaced),
        "champion": {"version": champion, **beside[0].sections} if beside else None,
        "comparison": {
            "champion": champion,
            "promote": decision.promote,
            "reason": decision.reason,
            "next_task": DEPLOY if decision.promote else ROLL_BACK,
            "users": draws.tested,
            "samples": settings.judging.bootstrap_samples,
            "seed": settings.judging.seed,
            **(against.document(CHAMPION) if against else {}),
            "baselines": baselines.document(BASELINE),
        },
    }


def _drawn(settings: Settings, found: Judgement, beside: Sequence[Judgement]) -> Draws:
    """All scores on the same draws of users."""
    models = {CANDIDATE: found.by_user, BASELINE: found.baselines}
    if beside:
        models[CHAMPION] = beside[0].by_user
    return draw(models, settings.judging.bootstrap_samples, settings.judging.seed)


def _replaced(store: ModelStore, version: str, champion: str | None, baselines: Comparison) -> tuple[ModelPart, ...]:
    """The parts that a baseline stands in for; of what serves already they stay those that they are."""
    served = store.record(champion).replaced if champion else None
    if served is not None and champion == version:
        return served
    return replaced_by_baselines(baselines, store.family.replaceable, served)


def against_champion(draws: Draws, replaced: Sequence[ModelPart]) -> Comparison:
    """What a candidate would serve beside what the champion serves."""
    return Comparison(
        ndcg=draws.lists(BASELINE if "lists" in replaced else CANDIDATE, CHAMPION),
        rmse=draws.stars(BASELINE if "stars" in replaced else CANDIDATE, CHAMPION),
    )


def _in_slices(by: Judge, found: Judgement, rival: str, replaced: Sequence[ModelPart]) -> dict[str, Any]:
    if by.slicing is None or found.tally is None:
        return {}
    own = {
        "ndcg": BASELINE if "lists" in replaced else CANDIDATE,
        "rmse_all": BASELINE if "stars" in replaced else CANDIDATE,
    }
    return {"slices": slices_section(found.tally, by.slicing, own, rival)}


def _why_incomparable(store: ModelStore, version: str, champion: str | None, judged_on: str) -> str | None:
    """Why the champion's scores on these test ratings would mean nothing; None where they mean something."""
    if champion is None:
        return NO_CHAMPION
    if champion == version:
        return "it is the champion already"
    split = store.record(champion).split
    if split != judged_on:  # it may have been trained on these test ratings, and would win for that
        return f"champion {champion} was trained on another split ({split}), so its scores here would mean nothing"
    return None


def _open_champion(store: ModelStore, champion: str, by: Judge) -> Any:
    try:
        return by.open(store, champion, as_trained=False)
    except ModelStoreError as error:
        raise ModelStoreError(
            f"There is nothing to compare with, as the champion cannot be loaded: {error} "
            "Or let another version serve first: reco model rollback."
        ) from None
