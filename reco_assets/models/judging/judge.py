"""A candidate beside the champion on the same test ratings: what either scores, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reco_assets.models.interface import Family, Recommender
from reco_assets.models.judging.comparison import compare
from reco_assets.models.judging.document import metrics_document
from reco_assets.models.judging.evaluation import Judgement, Trial
from reco_assets.models.judging.promotion import NO_CHAMPION, Scores, decide_promotion
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.settings import Settings

DEPLOY, ROLL_BACK = "deploy_new_model", "rollback_model"


class Judge(Protocol):
    """Who judges versions on the same test ratings, wherever these are."""

    @property
    def split(self) -> str:
        """The policy by which the test ratings were split from what was trained on."""

    def open(self, store: ModelStore, version: str) -> Any:
        """What `judge` takes of a version. Raises `ModelStoreError` where it is missing or damaged."""

    def judge(self, opened: Sequence[Any]) -> list[Judgement]:
        """What each version came to; the baselines are those of what the first was trained on."""


@dataclass(frozen=True)
class InMemory:
    """Judges versions that are loaded whole."""

    trial: Trial

    @property
    def split(self) -> str:
        """See `Judge`."""
        return self.trial.exam.protocol.split

    def open(self, store: ModelStore, version: str) -> Recommender:
        """See `Judge`."""
        return store.load(version)

    def judge(self, opened: Sequence[Recommender]) -> list[Judgement]:
        """See `Judge`."""
        return [self.trial.judge(model) for model in opened]


def judge(settings: Settings, family: Family, version: str, by: Judge, moment: datetime) -> dict[str, Any]:
    """The run metrics of a version at a moment (UTC), with the champion's beside them and the comparison of both.

    Raises `ModelStoreError` when either cannot be loaded: then nothing is decided, and gold stays as it is.
    """
    store = model_store(settings, family)
    candidate, champion = by.open(store, version), store.champion()
    incomparable = _why_incomparable(store, version, champion, by.split)
    opened = [candidate] if incomparable else [candidate, _open_champion(store, str(champion), by)]
    found, *beside = by.judge(opened)
    document = metrics_document(settings, family, store.record(version), found.sections, moment=moment)
    document["champion"] = {"version": champion, **beside[0].sections} if beside else None
    against = None
    if beside:
        draws, seed = settings.judging.bootstrap_samples, settings.judging.seed
        against = compare(found.by_user, beside[0].by_user, draws, seed)
    without = incomparable or f"too few users rated a relevant movie to tell it from champion {champion}"
    decision = decide_promotion(Scores.of(document), against, without, family.must_beat)
    document["comparison"] = {
        "champion": champion,
        "promote": decision.promote,
        "reason": decision.reason,
        "next_task": DEPLOY if decision.promote else ROLL_BACK,
        **(against.document() if against else {}),
    }
    return document


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
        return by.open(store, champion)
    except ModelStoreError as error:
        raise ModelStoreError(
            f"There is nothing to compare with, as the champion cannot be loaded: {error} "
            "Or let another version serve first: reco model rollback."
        ) from None
