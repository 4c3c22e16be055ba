"""`reco model list`: figures of other test ratings are never beside each other without a word of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.cli.main import main
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Annotation, MetricsRecord
from reco_assets.models.versions.store import ModelStore, model_store
from resources.settings import load_settings

FIRST, SECOND = "20250101_000001", "20250101_000002"
RATINGS = Ratings(np.array([1, 1, 2], np.int32), np.array([1, 2, 1], np.int32), np.array([5, 1, 4], np.float32))
MODEL = AlsRecommender.fit(RATINGS, ModelConfig(ExplicitAls(2, 2, 0.1, 1), ImplicitAls(2, 2, 0.1, 1, 0.75), 3.5))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("LAKEHOUSE_PATH", str(tmp_path / "lake"))
    monkeypatch.setenv("COLUMNS", "80")
    return model_store(load_settings(), ALS)


def save(store: ModelStore, version: str, test_version: int, champion: str | None = None, **facts: Any) -> None:
    """A version as it is after it was judged on a version of the test ratings, and compared with a champion."""
    difference = {"difference": -0.0123, "low": -0.02, "high": 0.01, "users": 321}
    differences = {"ndcg": difference, "rmse": difference} if champion else {}
    comparison = {"champion": champion, "promote": True, "reason": "as good", "next_task": "deploy_new_model"}
    metrics = {
        "inputs": {"silver/test_ratings": test_version},
        "evaluation": {"rmse": 0.8765, "test_count": 1000 + test_version},
        "comparison": comparison | differences,
    }
    store.save(version, Trained(MODEL), {"metrics": metrics, **facts})


def listed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit):
        main(("model", "list"))
    return capsys.readouterr().out.splitlines()


def test_each_version_stands_beside_the_ratings_that_it_was_judged_on(
    store: ModelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    save(store, FIRST, 4)
    save(store, SECOND, 5, FIRST)
    lines = listed(capsys)
    assert any(FIRST in line and "v4: 1,004" in line and "0.8765" in line for line in lines)
    assert any(SECOND in line and "v5: 1,005" in line for line in lines)
    assert "Figures on other ratings can't be compared with each other; the differences below can." in lines


def test_nothing_is_said_where_all_were_judged_on_the_same(
    store: ModelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    save(store, FIRST, 4)
    save(store, SECOND, 4, FIRST)
    assert not any("can't be compared" in line for line in listed(capsys))


def test_the_difference_from_the_champion_of_then_has_its_interval_and_how_many_users(
    store: ModelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    save(store, FIRST, 4)
    save(store, SECOND, 4, FIRST)
    lines = [line.split() for line in listed(capsys) if "-0.0123" in line]
    interval = ["-0.0200", "to", "+0.0100"]
    assert lines == [[SECOND, figure, "-0.0123", *interval, "321", FIRST] for figure in ("NDCG", "RMSE")]


def test_where_a_baseline_serves_its_figures_are_shown(store: ModelStore, capsys: pytest.CaptureFixture[str]) -> None:
    save(store, FIRST, 4, replaced=("lists",))
    metrics = MetricsRecord.model_validate(
        {"serves": {"lists": "popularity", "rmse": 0.8765, "ndcg": 0.0432}, "ranking": {"ndcg": 0.0111}}
    )
    store.annotate(FIRST, Annotation(metrics=metrics))
    assert any(
        FIRST in line and "lists" in line and "0.0432" in line and "0.0111" not in line for line in listed(capsys)
    )


def test_versions_of_before_are_listed_without_what_they_do_not_say(
    store: ModelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(FIRST, Trained(MODEL), {})
    lines = listed(capsys)
    assert f"{FIRST} was not judged" in lines
    assert not any("champion of then" in line for line in lines)


def test_a_machine_reads_the_records_and_which_of_them_serves(
    store: ModelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    save(store, FIRST, 4)
    save(store, SECOND, 4, FIRST)
    store.promote(FIRST, "as good")
    with pytest.raises(SystemExit):
        main(("model", "list", "--json"))
    found = json.loads(capsys.readouterr().out)
    assert [(each["version"], each["role"]) for each in found["versions"]] == [(FIRST, "champion"), (SECOND, None)]
    assert found["versions"][1]["metrics"]["evaluation"]["rmse"] == 0.8765
