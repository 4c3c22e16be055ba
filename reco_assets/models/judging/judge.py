"""A candidate beside the champion on the same test ratings: what either scores, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reco_assets.models.interface import Family
from reco_assets.models.judging.comparison import compare
from reco_assets.models.judging.document import metrics_document
from reco_assets.models.judging.evaluation import Evaluation, Trial
from reco_assets.models.judging.promotion import NO_CHAMPION, Scores, decide_promotion
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.settings import Settings

DEPLOY, ROLL_BACK = "deploy_new_model", "rollback_model"


def judge(settings: Settings, family: Family, version: str, trial: Trial, moment: datetime) -> dict[str, Any]:
    """The run metrics of a version at a moment (UTC), with the champion's beside them and the comparison of both.

    Raises `ModelStoreError` when either cannot be loaded: then nothing is decided, and gold stays as it is.
    """
    store = model_store(settings, family)
    candidate = store.load(version)
    found = trial.evaluate(candidate)
    baselines = trial.evaluate_baselines(found)
    document = metrics_document(settings, family, store.record(version), found, baselines, moment=moment)
    document["by_origin"] = trial.by_origin(found)
    champion = store.champion()
    incomparable = _why_incomparable(store, version, champion, trial)
    beside = None if incomparable else _evaluate_champion(store, str(champion), trial)
    document["champion"] = beside and {"version": champion, **beside.document}
    against = None
    if beside:
        draws, seed = settings.judging.bootstrap_samples, settings.judging.seed
        against = compare(found.by_user, beside.found.by_user, draws, seed)
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


def _why_incomparable(store: ModelStore, version: str, champion: str | None, trial: Trial) -> str | None:
    """Why the champion's scores on these test ratings would mean nothing; None where they mean something."""
    if champion is None:
        return NO_CHAMPION
    if champion == version:
        return "it is the champion already"
    split = store.record(champion).split
    if split != trial.exam.protocol.split:  # it may have been trained on these test ratings, and would win for that
        return f"champion {champion} was trained on another split ({split}), so its scores here would mean nothing"
    return None


@dataclass(frozen=True)
class _Beside:
    found: Evaluation
    document: dict[str, Any]


def _evaluate_champion(store: ModelStore, champion: str, trial: Trial) -> _Beside:
    try:
        model = store.load(champion)
    except ModelStoreError as error:
        raise ModelStoreError(
            f"There is nothing to compare with, as the champion cannot be loaded: {error} "
            "Or let another version serve first: reco model rollback."
        ) from None
    found = trial.evaluate(model)
    sections = {**found.document(), **trial.evaluate_baselines(found).document()}
    return _Beside(found, {**sections, "by_origin": trial.by_origin(found)})
