"""The table of cases: when a candidate becomes the champion."""

import pytest

from reco_assets.models.promotion import NDCG_NOISE, RMSE_NOISE, Scores, decide_promotion

GOOD = {"ndcg": 0.20, "popularity_ndcg": 0.10, "rmse": 0.85, "bias_only_rmse": 0.86, "rmse_all": 0.90}


def scores(**changes: float | None) -> Scores:
    return Scores(k=10, **{**GOOD, **changes})


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
        pytest.param({}, {}, True, id="as good as the champion"),
        pytest.param({"ndcg": 0.25, "rmse_all": 0.80}, {}, True, id="better than the champion"),
        pytest.param({"ndcg": 0.2 * (1 - NDCG_NOISE / 2)}, {}, True, id="lists worse within noise"),
        pytest.param({"ndcg": 0.2 * (1 - NDCG_NOISE * 2)}, {}, False, id="lists worse beyond noise"),
        pytest.param({"rmse_all": 0.9 + RMSE_NOISE / 2}, {}, True, id="stars worse within noise"),
        pytest.param({"rmse_all": 0.9 + RMSE_NOISE * 2}, {}, False, id="stars worse beyond noise"),
        pytest.param({"ndcg": 0.5, "rmse_all": 0.95}, {}, False, id="better lists do not pay for worse stars"),
        pytest.param({"ndcg": 0.15, "rmse_all": 0.5}, {}, False, id="better stars do not pay for worse lists"),
        pytest.param({"rmse": 0.87}, {"ndcg": 0.01, "rmse_all": 2.0}, False, id="a bad champion lowers no baseline"),
        pytest.param({}, {"ndcg": None, "rmse_all": None}, True, id="a champion that could not be judged"),
    ],
)
def test_the_decision(candidate: dict[str, float], champion: dict[str, float] | None, promoted: bool) -> None:
    decision = decide_promotion(scores(**candidate), None if champion is None else scores(**champion))
    assert decision.promote is promoted
    assert decision.reason.startswith("promoted: " if promoted else "rejected: ")


def test_a_rejection_by_the_baselines_names_every_number_it_looked_at() -> None:
    assert decide_promotion(scores(rmse=0.87), None).reason == (
        "rejected: warm RMSE 0.8700 against bias-only 0.8600, NDCG@10 0.2000 against popularity 0.1000"
    )


def test_a_comparison_with_the_champion_names_every_number_it_looked_at() -> None:
    assert decide_promotion(scores(), scores(ndcg=0.19, rmse_all=0.91)).reason == (
        "promoted: NDCG@10 0.2000 against the champion's 0.1900, RMSE 0.9000 against 0.9100"
    )


def test_scores_are_read_from_the_sections_of_the_metrics_document() -> None:
    document = {
        "evaluation": {"rmse": 0.85, "rmse_all": 0.90},
        "ranking": {"k": 10, "ndcg": 0.20},
        "baselines": {"bias_only": {"rmse": 0.86}, "popularity": {"ndcg": 0.10}},
    }
    assert Scores.of(document) == scores()
