"""Judging a model, and what the judgement looks like as a document, a report and a plot."""

import base64
import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS, AlsRecord
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.baselines import fit_baselines
from reco_assets.models.judging.document import metrics_document, metrics_plot, metrics_report, scalar_metrics
from reco_assets.models.judging.evaluation import (
    BaselineScores,
    ColdStart,
    Evaluation,
    Exam,
    Protocol,
    Trial,
)
from reco_assets.models.judging.gate_document import facts_of, what_serves
from reco_assets.models.ratings import Ratings
from resources.settings import load_settings

NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = ModelConfig(ExplicitAls(4, 5, 0.1, 1), ImplicitAls(4, 5, 0.2, 1, 0.75), 3.5)
TRAIN_ROWS = [(user, movie, 1.0 + (user * movie) % 5) for user in range(1, 9) for movie in range(1, 9) if user != movie]
WARM = [(1, 1, 5.0), (2, 2, 4.0), (3, 3, 1.0)]
COLD = [(99, 1, 4.5), (1, 99, 2.0)]


def of(*rows: tuple[int, int, float]) -> Ratings:
    users, movies, stars = zip(*rows, strict=True) if rows else ((), (), ())
    return Ratings(np.array(users, np.int32), np.array(movies, np.int32), np.array(stars, np.float32))


TRAIN = of(*TRAIN_ROWS)
MODEL = AlsRecommender.fit(TRAIN, CONFIG)
BASELINES = fit_baselines(TRAIN)


def judged(*rows: tuple[int, int, float], cold_start: ColdStart = "drop", k: int = 3) -> Evaluation:
    return Exam(of(*rows), TRAIN, Protocol(k, 4.0, cold_start, "per_user")).evaluate(MODEL)


def beside(*rows: tuple[int, int, float], k: int = 3) -> BaselineScores:
    exam = Exam(of(*rows), TRAIN, Protocol(k, 4.0, "drop", "per_user"))
    return exam.evaluate_beside(MODEL, BASELINES)[1]


def error(rows: list[tuple[int, int, float]], power: int) -> float:
    test = of(*rows)
    return float((np.abs(MODEL.predict(test.user_id, test.movie_id) - test.rating) ** power).mean() ** (1 / power))


def test_rmse_and_mae_are_of_the_warm_pairs_and_of_all_pairs() -> None:
    found = judged(*WARM, *COLD)
    assert found.rmse == pytest.approx(error(WARM, 2), rel=1e-6)
    assert found.mae == pytest.approx(error(WARM, 1), rel=1e-6)
    assert found.rmse_all == pytest.approx(error(WARM + COLD, 2), rel=1e-6)
    assert found.mae_all == pytest.approx(error(WARM + COLD, 1), rel=1e-6)


def test_coverage_is_the_share_of_warm_pairs() -> None:
    found = judged(*WARM, *COLD)
    assert (found.test_count, found.predictions_count, found.coverage) == (5, 3, 0.6)


def test_cold_pairs_make_the_warm_error_undefined_when_they_are_kept() -> None:
    found = judged(*WARM, *COLD, cold_start="nan")
    assert math.isnan(found.rmse)
    assert math.isnan(found.mae)
    assert found.rmse_all == pytest.approx(error(WARM + COLD, 2), rel=1e-6)
    assert found.document()["evaluation"]["rmse"] is None


def test_keeping_cold_pairs_changes_nothing_where_there_are_none() -> None:
    assert judged(*WARM, cold_start="nan") == judged(*WARM, cold_start="drop")


def test_bias_only_is_judged_on_the_same_warm_pairs() -> None:
    test = of(*WARM)
    off = MODEL.bias_only.predict(test.user_id, test.movie_id) - test.rating
    assert beside(*WARM, *COLD).bias_only_rmse == pytest.approx(float(np.sqrt((off**2).mean())), rel=1e-6)


def test_movies_of_training_are_left_out_of_the_lists() -> None:
    # User 1 rated every movie but movie 1, so that is all that is left to recommend, by the model and by popularity.
    found = judged((1, 1, 5.0))
    assert (found.ranking.hit_rate, found.ranking.ndcg, found.ranking.precision) == (1.0, 1.0, pytest.approx(1 / 3))
    assert beside((1, 1, 5.0)).popularity.hit_rate == 1.0


def test_a_cold_user_is_judged_on_the_popular_movies() -> None:
    found = judged((99, 1, 5.0), k=8)
    assert found.ranking == beside((99, 1, 5.0), k=8).popularity
    assert found.ranking.hit_rate == 1.0


def test_users_without_a_relevant_movie_are_skipped_and_counted() -> None:
    found = judged(*WARM, *COLD)
    assert (found.ranking.users, found.ranking.skipped_users) == (3, 1)


def test_without_test_ratings_everything_is_null_and_nothing_fails() -> None:
    found = judged()
    document = found.document()
    assert (found.test_count, found.predictions_count) == (0, 0)
    assert document["evaluation"]["rmse"] is document["evaluation"]["coverage"] is document["ranking"]["ndcg"] is None
    assert set(scalar_metrics(document | beside().document())) == {"test_count", "predictions_count", "users"}


def test_what_each_user_got_adds_up_to_the_means() -> None:
    found = judged(*WARM, *COLD)
    assert found.by_user.user_id.tolist() == [1, 2, 3, 99]
    assert np.nanmean(found.by_user.ndcg) == pytest.approx(found.ranking.ndcg)
    assert np.isnan(found.by_user.ndcg).tolist() == [False, False, True, False]
    assert found.by_user.pairs.tolist() == [2, 1, 1, 1]
    errors = found.by_user.squared_error.sum() / found.by_user.pairs.sum()
    assert np.sqrt(errors) == pytest.approx(found.rmse_all, rel=1e-6)


def test_the_order_of_test_ratings_does_not_change_what_users_got() -> None:
    one, other = judged(*WARM, *COLD).by_user, judged(*COLD, *WARM[::-1]).by_user
    np.testing.assert_array_equal(one.user_id, other.user_id)
    np.testing.assert_array_equal(one.ndcg, other.ndcg)
    np.testing.assert_allclose(one.squared_error, other.squared_error)


def document_of(found: Evaluation, baselines: BaselineScores | None = None) -> dict[str, Any]:
    record = AlsRecord(version="20250101_120000", config=CONFIG, mean=3.0, train_count=len(TRAIN), seed=1)
    settings = load_settings(top_n=7, als_cold_start_strategy="drop")
    sections = {**found.document(), **(baselines or beside(*WARM)).document()}
    return metrics_document(settings, ALS, record, sections, moment=NOW)


def test_the_document_has_the_documented_sections_and_keys() -> None:
    document = document_of(judged(*WARM, *COLD))
    assert list(document) == [
        "model_version",
        "execution_ts",
        "hyperparameters",
        "dataset_info",
        "evaluation",
        "ranking",
        "baselines",
        "recommendations",
    ]
    assert set(document["hyperparameters"]) > {"rank", "max_iter", "reg_param", "cold_start_strategy"}
    assert document["dataset_info"] == {
        "storage_format": "delta",
        "split_info": {"train_count": 56, "test_count": 5, "total_count": 61},
    }
    documented, extensions = {"rmse", "test_count", "predictions_count", "coverage"}, {"mae", "rmse_all", "split"}
    assert set(document["evaluation"]) == documented | extensions | {"mae_all"}
    ranking = {"k", "threshold", "users", "ndcg", "precision", "recall", "map", "hit_rate"}
    assert set(document["ranking"]) == ranking | {"skipped_users", "recall_capped"}
    assert {name: set(keys) for name, keys in document["baselines"].items()} == {
        "bias_only": {"rmse", "rmse_all"},
        "popularity": {"ndcg", "hit_rate"},
    }
    assert document["recommendations"] == {"top_n": 7}


def test_the_document_says_which_version_when_and_with_which_settings() -> None:
    document = document_of(judged(*WARM))
    assert document["model_version"] == "20250101_120000"
    assert document["execution_ts"] == "2025-01-02T03:04:05Z"
    settings = document["hyperparameters"]
    assert (settings["rank"], settings["max_iter"], settings["reg_param"]) == (4, 5, 0.1)
    assert settings["cold_start_strategy"] == "drop"
    assert (settings["ranking_reg_param"], settings["ranking_alpha"], settings["ranking_like_threshold"]) == (
        0.2,
        0.75,
        3.5,
    )
    assert document["evaluation"]["split"] == "per_user"


@pytest.mark.parametrize("rows", [[], COLD, WARM, WARM + COLD], ids=["nothing", "cold", "warm", "both"])
@pytest.mark.parametrize("cold_start", ["drop", "nan"])
def test_the_document_is_json_that_every_parser_reads(
    rows: list[tuple[int, int, float]], cold_start: ColdStart
) -> None:
    document = document_of(judged(*rows, cold_start=cold_start), beside(*rows))
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_scalar_metrics_are_finite_numbers_under_stable_names() -> None:
    numbers = scalar_metrics(document_of(judged(*WARM, *COLD)))
    assert set(numbers) == {
        "rmse",
        "mae",
        "rmse_all",
        "mae_all",
        "test_count",
        "predictions_count",
        "coverage",
        "ndcg",
        "precision",
        "recall",
        "map",
        "hit_rate",
        "users",
        "bias_only_rmse",
        "popularity_ndcg",
        "popularity_hit_rate",
    }
    assert all(math.isfinite(value) for value in numbers.values())


def test_the_report_shows_candidate_champion_and_baselines_with_their_split_and_coverage() -> None:
    found, baselines = judged(*WARM, *COLD), beside(*WARM, *COLD)
    document = document_of(found, baselines)
    document["champion"] = {"version": "20240101_000000", **found.document()}
    report = metrics_report("20250101_120000", document)
    stars, lists = document["evaluation"], document["ranking"]
    numbers = " | ".join(
        f"{value:.4f}" for value in (stars["rmse"], stars["rmse_all"], lists["ndcg"], lists["hit_rate"])
    )
    assert f"| candidate | {numbers} |" in report
    assert f"| champion 20240101_000000 | {numbers} |" in report
    assert f"| bias only | {baselines.bias_only_rmse:.4f} | {baselines.bias_only_rmse_all:.4f} |" in report
    assert f"| popularity |  |  | {baselines.popularity.ndcg:.4f} | {baselines.popularity.hit_rate:.4f} |" in report
    assert "20250101_120000 on split `per_user`" in report
    assert "Coverage 0.6000: 3 of 5 test pairs are warm." in report


def test_the_report_says_by_which_protocol_its_figures_were_found() -> None:
    document = document_of(judged(*WARM)) | {"protocol": {"text": "Judged on these."}}
    assert "\nJudged on these.\n" in metrics_report("20250101_120000", document) + "\n"


def test_a_report_without_a_champion_names_none() -> None:
    assert "champion" not in metrics_report("20250101_120000", document_of(judged(*WARM)) | {"champion": None})


def test_the_report_and_the_scalar_metrics_say_what_the_comparison_found() -> None:
    found = {"candidate": 0.2, "champion": 0.19, "difference": 0.01, "low": -0.01, "high": 0.03, "users": 120}
    comparison = {"champion": "20240101_000000", "reason": "promoted: as good", "ndcg": found, "rmse": found}
    document = document_of(judged(*WARM)) | {"comparison": comparison | {"baselines": {"ndcg": found}}}
    document |= {"serves": what_serves(document, ("stars",)), "inputs": {"silver/test_ratings": 4}}
    report = metrics_report("20250101_120000", document)
    assert "**promoted: as good**" in report
    assert "| NDCG@3 | what it serves - champion 20240101_000000 | +0.0100 | -0.0100 to +0.0300 | 120 |" in report
    assert "| NDCG@3 | candidate - baseline | +0.0100 | -0.0100 to +0.0300 | 120 |" in report
    assert "All on silver/test_ratings version 4." in report
    numbers = scalar_metrics(document)
    assert numbers["ndcg_difference_against_champion"] == 0.01
    assert numbers["ndcg_users_against_champion"] == 120
    assert (numbers["rmse_low_against_champion"], numbers["rmse_high_against_champion"]) == (-0.01, 0.03)


def test_the_report_shows_what_would_serve_where_a_baseline_stands_in() -> None:
    document = document_of(judged(*WARM)) | {"comparison": {"champion": None, "reason": "promoted", "baselines": {}}}
    document |= {"serves": what_serves(document, ("stars", "lists")), "inputs": {"silver/test_ratings": 4}}
    stars, lists = document["baselines"]["bias_only"], document["baselines"]["popularity"]
    numbers = (stars["rmse"], stars["rmse_all"], lists["ndcg"], lists["hit_rate"])
    assert f"| what it serves | {' | '.join(f'{value:.4f}' for value in numbers)} |" in metrics_report("v", document)
    assert facts_of(document | {"champion": None}) == {
        "test_version": "4",
        "compared_with": "none",
        "serves": "lists: popularity, stars: bias_only",
    }


def trial(streamed: list[bool]) -> Trial:
    return Trial(Exam(of(*WARM), TRAIN, Protocol(3, 4.0, "drop", "per_user")), np.array(streamed), BASELINES)


def test_origins_are_judged_apart() -> None:
    found = trial([False, True, True]).judge(MODEL).sections["by_origin"]
    assert {origin: scores["test_count"] for origin, scores in found.items()} == {"history": 1, "stream": 2}
    assert found["history"]["rmse"] == pytest.approx(error(WARM[:1], 2), rel=1e-6)
    assert found["stream"]["rmse"] == pytest.approx(error(WARM[1:], 2), rel=1e-6)
    assert found["stream"]["ndcg"] == judged(*WARM[1:]).ranking.ndcg


def test_an_origin_without_test_ratings_is_left_out() -> None:
    found = trial([False, False, False]).judge(MODEL).sections
    assert set(found["by_origin"]) == {"history"}
    assert found["by_origin"]["history"]["rmse"] == found["evaluation"]["rmse"]


def test_the_report_shows_origins_only_where_ratings_were_streamed() -> None:
    document = document_of(judged(*WARM))
    document |= {"by_origin": trial([False, True, True]).judge(MODEL).sections["by_origin"], "champion": None}
    stream = document["by_origin"]["stream"]
    figures = f"{stream['rmse']:.4f} | {stream['rmse_all']:.4f} | {stream['ndcg']:.4f}"
    assert f"| candidate, stream | {figures} | 2 |" in metrics_report("20250101_120000", document)
    assert scalar_metrics(document)["stream_rmse"] == stream["rmse"]
    document["by_origin"] = {"history": stream}
    assert "stream" not in metrics_report("20250101_120000", document)


@pytest.mark.parametrize("rows", [[], WARM], ids=["nothing to plot", "numbers"])
def test_the_plot_is_a_png_inside_markdown(rows: list[tuple[int, int, float]]) -> None:
    plot = metrics_plot(document_of(judged(*rows), beside(*rows)))
    start = "![candidate against baselines](data:image/png;base64,"
    assert plot.startswith(start)
    assert base64.b64decode(plot.removeprefix(start).removesuffix(")")).startswith(b"\x89PNG")
