"""What Dagster is told of the feature store: its features, and the checks that keep an unsound version away."""

from collections.abc import Sequence
from dataclasses import replace

import dagster as dg
import pytest

from reco_assets.features import run
from reco_assets.features.assets import store
from reco_assets.features.declarations import FEATURES
from resources.tables.lakehouse import Lakehouse
from tests.features.conftest import Fill

RATED = [(1, 10, 5.0, 0), (1, 20, 2.0, 30), (2, 10, 4.0, 1)]


def materialize(lakehouse: Lakehouse) -> tuple[dg.ExecuteInProcessResult, Sequence[dg.AssetCheckEvaluation]]:
    result = dg.materialize([store], resources={"lakehouse": lakehouse}, raise_on_error=False)
    return result, result.get_asset_check_evaluations()


def test_a_version_shows_its_features_rows_and_inputs(fill: Fill) -> None:
    result, checks = materialize(fill(RATED))
    (made,) = result.get_asset_materialization_events()
    shown = made.materialization.metadata
    assert shown["version"].value == 1
    assert shown["rows: interactions"].value == 3
    assert shown["inputs"].value == {"silver/ratings": 0, "silver/movies": 0}
    assert len(shown["features"].value.records) == len(FEATURES)
    assert {check.check_name: check.passed for check in checks} == {"rules_hold": True, "no_look_ahead": True}


def test_a_broken_rule_fails_its_check_with_the_rows_and_nothing_is_materialised(
    fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FEATURES", [replace(FEATURES[0], check="value < 2"), *FEATURES[1:]])
    result, checks = materialize(fill(RATED))
    assert not result.success
    assert result.get_asset_materialization_events() == []
    (broken,) = [check for check in checks if not check.passed]
    assert broken.check_name == "rules_hold"
    (row,) = broken.metadata["user_ratings"].value
    assert (row["user_id"], row["user_ratings"]) == (1, 2)
