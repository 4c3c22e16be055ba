"""The table of cases: when a candidate becomes the champion."""

import pytest

from reco_assets.models.judging.comparison import Comparison, Difference
from reco_assets.models.judging.promotion import Scores, decide_promotion

GOOD = {"ndcg": 0.20, "popularity_ndcg": 0.10, "rmse": 0.85, "bias_only_rmse": 0.86}
SAME = (0.0, 0.0)
BETTER_LISTS, WORSE_LISTS, NOISY_LISTS = (0.001, 0.02), (-0.02, -0.001), (-0.02, 0.001)
BETTER_STARS, WORSE_STARS, NOISY_STARS = (-0.02, -0.001), (0.001, 0.02), (-0.001, 0.02)


def scores(**changes: float | None) -> Scores:
    return Scores(k=10, **{**GOOD, **changes})


def against(lists: tuple[float, float], stars: tuple[float, float]) -> Comparison:
    """Intervals of candidate - champion around differences in their middle."""
    ndcg = Difference(0.20, 0.20 - sum(lists) / 2, *lists)
    return Comparison(ndcg, Difference(0.90, 0.90 - sum(stars) / 2, *stars), users=100, samples=999, seed=1)


@pytest.mark.parametrize(
    ("candidate", "champion", "promoted"),
    [
        pytest.param({}, None, True, id="the first that beats both baselines"),
        pytest.param({"ndcg": 0.10}, None, False, id="lists only as good as popularity"),
        pytest.param({"ndcg": 0.09}, None, False, id="lists worse than popularity"),
        pytest.param({"rmse": 0.86}, None, False, id="stars only as good as biases"),
        pytest.param({"rmse": 0.87}, None, False, id="stars worse than biases"),
        pytest.param({"rmse": None}, None, False, id="no warm pair to judge stars on"),
        pytest.param({"ndcg": None, "popularity_ndcg": None}, None, False, id="no user to judge lists on"),
        pytest.param({}, (SAME, SAME), True, id="the same model again"),
        pytest.param({}, (BETTER_LISTS, BETTER_STARS), True, id="better at both"),
        pytest.param({}, (NOISY_LISTS, SAME), True, id="lists worse within noise"),
        pytest.param({}, (WORSE_LISTS, SAME), False, id="lists worse beyond noise"),
        pytest.param({}, (SAME, NOISY_STARS), True, id="stars worse within noise"),
        pytest.param({}, (SAME, WORSE_STARS), False, id="stars worse beyond noise"),
        pytest.param({}, (BETTER_LISTS, WORSE_STARS), False, id="better lists do not pay for worse stars"),
        pytest.param({}, (WORSE_LISTS, BETTER_STARS), False, id="better stars do not pay for worse lists"),
        pytest.param({}, ((-0.01, 0.0), (0.0, 0.01)), True, id="an interval that ends at zero"),
        pytest.param({"ndcg": 0.09}, (BETTER_LISTS, BETTER_STARS), False, id="a bad champion lowers no baseline"),
        pytest.param({"rmse": 0.87}, (BETTER_LISTS, BETTER_STARS), False, id="nor that of stars"),
    ],
)
def test_the_decision(
    candidate: dict[str, float],
    champion: tuple[tuple[float, float], tuple[float, float]] | None,
    promoted: bool,
) -> None:
    decision = decide_promotion(scores(**candidate), champion and against(*champion))
    assert decision.promote is promoted
    assert decision.reason.startswith("promoted: " if promoted else "rejected: ")


def test_a_rejection_by_the_baselines_names_every_number_it_looked_at() -> None:
    assert decide_promotion(scores(rmse=0.87), None).reason == (
        "rejected: does not beat both baselines: NDCG@10 0.2000 against popularity's 0.1000, "
        "warm RMSE 0.8700 against bias-only's 0.8600"
    )


def test_a_rejection_by_the_champion_names_both_scores_their_difference_and_its_interval() -> None:
    assert decide_promotion(scores(), against((-0.03, -0.01), (-0.02, 0.01))).reason == (
        "rejected: NDCG@10 0.2000 against the champion's 0.2200, worse beyond noise "
        "(difference -0.0200, 95 % interval -0.0300 to -0.0100); "
        "RMSE 0.9000 against the champion's 0.9050, no difference beyond noise "
        "(difference -0.0050, 95 % interval -0.0200 to +0.0100)"
    )


def test_better_lists_and_better_stars_are_called_so() -> None:
    reason = decide_promotion(scores(), against(BETTER_LISTS, BETTER_STARS)).reason
    assert reason.startswith("promoted: ")
    assert reason.count("better beyond noise") == 2


def test_without_a_comparison_the_reason_says_why() -> None:
    assert decide_promotion(scores(), None).reason == (
        "promoted: beats bias-only and popularity, and there is no champion to compare with"
    )
    assert decide_promotion(scores(), None, "it is the champion already").reason.endswith(
        "and it is the champion already"
    )


def test_a_kind_of_model_is_held_against_the_baselines_that_it_must_beat_alone() -> None:
    worse_stars = scores(rmse=0.87)
    assert decide_promotion(worse_stars, None, must_beat=("popularity",)).reason == (
        "promoted: beats popularity, and there is no champion to compare with"
    )
    assert decide_promotion(worse_stars, None, must_beat=("bias_only",)).reason == (
        "rejected: does not beat bias-only: warm RMSE 0.8700 against bias-only's 0.8600"
    )
    assert decide_promotion(worse_stars, None, must_beat=()).reason == (
        "promoted: there is no champion to compare with"
    )


def test_scores_are_read_from_the_sections_of_the_metrics_document() -> None:
    document = {
        "evaluation": {"rmse": 0.85, "rmse_all": 0.90},
        "ranking": {"k": 10, "ndcg": 0.20},
        "baselines": {"bias_only": {"rmse": 0.86}, "popularity": {"ndcg": 0.10}},
    }
    assert Scores.of(document) == scores()
