"""The dozen figures that a person looks at first."""

from typing import Any

import pytest

from reco_assets.models.judging.headline import differences, headline

FOUND = {"candidate": 0.2, "champion": 0.19, "difference": 0.01, "low": -0.01, "high": 0.03, "users": 1200}
DOCUMENT: dict[str, Any] = {
    "evaluation": {"rmse": 0.86, "rmse_all": 0.87, "coverage": 0.9, "test_count": 50},
    "ranking": {"k": 10, "ndcg": 0.2, "hit_rate": 0.5, "users": 7},
    "baselines": {"bias_only": {"rmse": 0.88}, "popularity": {"ndcg": 0.1, "hit_rate": 0.3}},
    "comparison": {"champion": "v1", "ndcg": FOUND, "rmse": FOUND, "baselines": {"ndcg": FOUND | {"low": 0.005}}},
}


def test_there_are_at_most_a_dozen_figures_with_names_for_people() -> None:
    found = headline(DOCUMENT)
    assert len(found) <= 12
    assert (found["NDCG@10"], found["RMSE, warm pairs"]) == (0.2, 0.86)
    assert found["candidate minus champion, NDCG@10"] == 0.01


def test_what_is_undefined_is_left_out() -> None:
    nothing = DOCUMENT | {"evaluation": {"rmse": None, "rmse_all": None, "coverage": None, "test_count": 0}}
    assert "RMSE, warm pairs" not in headline(nothing)
    assert "candidate minus champion, NDCG@10" not in headline(DOCUMENT | {"comparison": {"champion": None}})


def test_a_difference_has_its_interval_and_how_many_users_it_is_of() -> None:
    assert differences(DOCUMENT) == {
        "candidate minus champion, NDCG@10, 95 % interval": "-0.0100 to +0.0300, 1,200 users",
        "candidate minus champion, RMSE, all pairs, 95 % interval": "-0.0100 to +0.0300, 1,200 users",
    }


@pytest.mark.parametrize("champion", [None, "the version itself"])
def test_where_no_champion_was_compared_with_the_difference_is_that_to_the_baseline(champion: str | None) -> None:
    comparison = {"champion": champion, "baselines": DOCUMENT["comparison"]["baselines"]}
    assert differences(DOCUMENT | {"comparison": comparison}) == {
        "candidate minus baseline, NDCG@10, 95 % interval": "+0.0050 to +0.0300, 1,200 users"
    }


def test_of_sampled_negatives_the_candidate_stands_beside_popularity() -> None:
    scores = {"auc": 0.9, "ndcg": 0.5, "hit_rate": 0.7}
    section = {"k": 10, "users": 3, "models": {"candidate": scores, "popularity": scores | {"auc": 0.8}}}
    found = headline({"sampled": section})
    assert (found["AUC"], found["AUC, popularity"]) == (0.9, 0.8)
    assert len(found) == 7
