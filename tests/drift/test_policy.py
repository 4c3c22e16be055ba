"""Both policies: when they retrain, and the reason they give."""

import pytest

from reco_assets.drift.policy import (
    DriftConfigError,
    PartEvidence,
    Reason,
    Verdict,
    as_document,
    calibrated,
    documented,
    reachable,
    should_retrain,
)
from resources.settings import load_settings
from resources.settings.drift import DriftSettings

CONFIG = DriftSettings()
SURE = PartEvidence(score=1.5, p_value=0.001, users=50)
CHANCE = PartEvidence(score=1.5, p_value=0.2, users=50)
CALM = PartEvidence(score=0.4, p_value=0.5, users=50)
FEW = PartEvidence(score=9.0, p_value=0.001, users=29)


def test_the_documented_decision_takes_the_larger_score() -> None:
    assert should_retrain({"score": 0.4}, {"score": 1.25}) == {"should_retrain": True, "drift_score": 1.25}


def test_a_score_of_exactly_one_does_not_retrain() -> None:
    assert should_retrain({"score": 1.0}, {"score": 0.0})["should_retrain"] is False


def test_prediction_drift_that_could_not_be_judged_leaves_the_decision_to_data_drift() -> None:
    assert should_retrain({"score": 1.1}, {"score": None}) == {"should_retrain": True, "drift_score": 1.1}


def test_nothing_to_judge_does_not_retrain() -> None:
    assert should_retrain({"score": None}, {"score": None}) == {"should_retrain": False, "drift_score": 0.0}


def test_a_report_records_every_setting_that_it_depends_on_and_those_added_later() -> None:
    class More(DriftSettings):
        night_limit: float = 0.5

    assert set(as_document(CONFIG)["weights"]) | set(as_document(CONFIG)) - {"weights", "samples"} == (
        set(DriftSettings.model_fields) - {"bootstrap_samples", "cooldown_seconds"}
    )
    assert as_document(More()) == as_document(CONFIG) | {"night_limit": 0.5}


def test_scores_may_be_averaged_instead() -> None:
    config = DriftSettings(combine="mean")
    assert should_retrain({"score": 0.5}, {"score": 1.25}, config) == {"should_retrain": False, "drift_score": 0.875}


@pytest.mark.parametrize(
    ("data", "model", "expected"),
    [
        (SURE, CALM, Verdict(True, (Reason.DRIFT_ABOVE_THRESHOLD,), 1.5)),
        (CALM, CHANCE, Verdict(True, (Reason.DRIFT_ABOVE_THRESHOLD,), 1.5)),
        (FEW, None, Verdict(True, (Reason.DRIFT_ABOVE_THRESHOLD, Reason.INSUFFICIENT_WARM_PAIRS), 9.0)),
        (CALM, CALM, Verdict(False, (Reason.BELOW_THRESHOLD,), 0.4)),
        (None, None, Verdict(False, (Reason.INSUFFICIENT_DATA, Reason.INSUFFICIENT_WARM_PAIRS))),
    ],
)
def test_the_documented_policy_asks_only_for_the_score(
    data: PartEvidence | None, model: PartEvidence | None, expected: Verdict
) -> None:
    assert documented(data, model, (), CONFIG) == expected


@pytest.mark.parametrize(
    ("data", "model", "expected"),
    [
        (SURE, CALM, Verdict(True, (Reason.DRIFT_ABOVE_THRESHOLD,), 1.5)),
        (CHANCE, CALM, Verdict(False, (Reason.NOT_SIGNIFICANT,), 1.5)),
        (CALM, CALM, Verdict(False, (Reason.BELOW_THRESHOLD,), 0.4)),
        (FEW, None, Verdict(False, (Reason.INSUFFICIENT_DATA, Reason.INSUFFICIENT_WARM_PAIRS))),
        (FEW, FEW, Verdict(False, (Reason.INSUFFICIENT_DATA,))),
        (CALM, FEW, Verdict(False, (Reason.BELOW_THRESHOLD, Reason.INSUFFICIENT_USERS), 0.4)),
        (SURE, FEW, Verdict(True, (Reason.DRIFT_ABOVE_THRESHOLD, Reason.INSUFFICIENT_USERS), 1.5)),
    ],
)
def test_the_calibrated_policy_also_asks_for_significance_and_enough_users(
    data: PartEvidence | None, model: PartEvidence | None, expected: Verdict
) -> None:
    assert calibrated(data, model, (), CONFIG) == expected


def test_the_p_value_that_counts_is_that_of_the_larger_score() -> None:
    larger_by_chance = PartEvidence(score=2.0, p_value=0.3, users=50)
    assert calibrated(SURE, larger_by_chance, (), CONFIG).reasons == (Reason.NOT_SIGNIFICANT,)


@pytest.mark.parametrize("policy", [documented, calibrated])
def test_a_trigger_that_fired_retrains_whatever_the_score_and_is_named(policy: object) -> None:
    assert callable(policy)
    assert policy(CALM, CALM, ("worse",), CONFIG) == Verdict(True, ("worse", Reason.BELOW_THRESHOLD), 0.4)
    assert policy(SURE, CALM, ("worse",), CONFIG) == Verdict(True, (Reason.DRIFT_ABOVE_THRESHOLD, "worse"), 1.5)


def test_the_defaults_are_the_documented_numbers() -> None:
    assert reachable(load_settings().drift) == CONFIG


def test_settings_reach_the_score() -> None:
    config = load_settings(drift_policy="calibrated", drift_kl_threshold=0.3, reco_seed=7).drift
    assert (config.policy, config.kl_threshold, config.seed) == ("calibrated", 0.3, 7)


def test_a_p_value_that_so_few_samples_cannot_reach_is_refused() -> None:
    with pytest.raises(DriftConfigError, match=r"DRIFT_P_VALUE=0\.001 .* at least 1000 samples"):
        reachable(load_settings(drift_p_value=0.001, drift_bootstrap_samples=500).drift)
