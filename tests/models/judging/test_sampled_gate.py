"""What may be deployed: three limits, each reached exactly, and lists far enough above popularity's."""

from dataclasses import replace

import pytest

from reco_assets.models.judging.sampled import SampledMetrics
from reco_assets.models.judging.sampled_gate import Deployment, decide_deployment
from reco_assets.models.limits import Limits

LIMITS = Limits(auc=0.75, ndcg=0.50, hit_rate=0.40, popularity_factor=1.1)
AT_THE_LIMITS = SampledMetrics(users=600, skipped_users=0, auc=0.75, ndcg=0.50, hit_rate=0.40)
POPULARITY = replace(AT_THE_LIMITS, ndcg=0.30)
NAN = float("nan")


def decided(found: SampledMetrics, popularity: SampledMetrics = POPULARITY, deployed: str | None = None) -> Deployment:
    return decide_deployment(found, popularity, LIMITS, "as we do it", deployed)


def test_figures_exactly_at_their_limits_are_enough() -> None:
    decision = decided(AT_THE_LIMITS)
    assert decision.document()["next_task"] == "deploy_model"
    assert decision.reason.startswith("promoted: AUC 0.7500 reaches 0.7500")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("auc", 0.7499, "AUC 0.7499 is below 0.7500"),
        ("ndcg", 0.4999, "NDCG@10 0.4999 is below 0.5000"),
        ("hit_rate", 0.3999, "hit rate@10 0.3999 is below 0.4000"),
    ],
)
def test_one_figure_below_its_limit_is_enough_to_skip_and_is_named(name: str, value: float, said: str) -> None:
    decision = decided(replace(AT_THE_LIMITS, **{name: value}))
    assert decision.document()["next_task"] == "skip_deploy"
    assert decision.reason == f"rejected: {said}; as we do it"


def test_lists_must_be_a_tenth_better_than_popularitys() -> None:
    popularity = replace(POPULARITY, ndcg=0.5)
    assert not decided(replace(AT_THE_LIMITS, ndcg=0.5499), popularity).deploy
    assert decided(replace(AT_THE_LIMITS, ndcg=0.55), popularity).deploy  # 1.1 x 0.5 is 0.55000000000000004


def test_what_popularity_has_does_not_help_the_model_that_is_popularity() -> None:
    popularity = SampledMetrics(users=600, skipped_users=0, auc=0.87, ndcg=0.51, hit_rate=0.73)
    assert not decided(popularity, popularity).deploy


@pytest.mark.parametrize("name", ["auc", "ndcg", "hit_rate"])
def test_a_figure_that_is_no_number_reaches_nothing(name: str) -> None:
    assert not decided(replace(AT_THE_LIMITS, **{name: NAN})).deploy


def test_without_users_nothing_was_judged_and_nothing_is_deployed() -> None:
    nobody = SampledMetrics(0, 3, NAN, NAN, NAN)
    assert decided(nobody, nobody).reason == "rejected: nobody has a held-out movie to rank, so nothing was judged"


def test_what_is_deployed_is_never_deployed_again() -> None:
    decision = decided(replace(AT_THE_LIMITS, ndcg=0.9), deployed="20250105_020000")
    assert not decision.deploy
    assert decision.reason.startswith("skipped: 20250105_020000 is deployed already; it has AUC 0.7500, NDCG@10 0.9000")


def test_what_is_deployed_and_no_longer_reaches_a_limit_is_said() -> None:
    decision = decided(replace(AT_THE_LIMITS, auc=0.7), deployed="20250105_020000")
    assert "and by now AUC 0.7000 is below 0.7500" in decision.reason


def test_a_task_reads_the_figures_and_their_protocol_from_the_decision() -> None:
    assert decided(AT_THE_LIMITS).document()["metrics"] == {
        "auc": 0.75,
        "ndcg_at_10": 0.50,
        "hit_rate_at_10": 0.40,
        "popularity_ndcg_at_10": 0.30,
        "users": 600,
        "protocol": "as we do it",
    }
