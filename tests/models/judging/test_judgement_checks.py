"""The checks of a judgement: gates and promotion as Dagit and alerts see them; none of them blocks."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.judging.assets import (
    BEATS,
    GATE,
    judgement_checked,
    judgement_checks,
    promotion_checked,
    promotion_checks,
)
from reco_assets.models.judging.run import Judged
from reco_assets.models.ncf.family import NCF


def found(serves_already: bool = False, **changed: Any) -> dict[str, dg.AssetCheckResult]:
    document: dict[str, Any] = {
        "comparison": {"promote": True, "reason": "promoted: better", "champion": None, "baselines": {}},
        "ranking": {"k": 10},
        "serves": {"lists": "model", "stars": "model"},
    }
    judged = Judged(document | changed, Path("run_metrics.json"), None)
    return {str(check.check_name): check for check in judgement_checked(judged, serves_already)}


REJECTED = {"promote": False, "reason": "rejected: worse", "champion": "v1", "baselines": {}}


@pytest.mark.parametrize(("serves_already", "passed"), [(False, False), (True, True)])
def test_what_is_rejected_warns_unless_it_serves_already(serves_already: bool, passed: bool) -> None:
    gate = found(serves_already, comparison=REJECTED)[GATE]
    assert (gate.passed, gate.severity, gate.description) == (passed, dg.AssetCheckSeverity.WARN, "rejected: worse")


def test_a_baseline_that_stands_in_for_a_part_warns_and_is_named() -> None:
    beats = found(serves={"lists": "popularity", "stars": "model"})[BEATS]
    assert not beats.passed
    assert str(beats.description).startswith("popularity's lists would serve")
    assert found()[BEATS].passed


def test_every_check_that_is_declared_is_answered_where_there_are_slices() -> None:
    slices = {"compared": [], "level": 0.05, "text": "In no slice worse."}
    assert set(found(slices=slices)) == {spec.name for spec in judgement_checks(ALS)}


def test_a_family_that_judges_in_its_own_way_is_asked_for_its_gate_alone() -> None:
    assert [spec.name for spec in judgement_checks(NCF)] == [GATE]


def test_no_check_of_a_model_stops_what_follows() -> None:
    assert not any(spec.blocking for spec in (*judgement_checks(ALS), *promotion_checks(ALS)))
    assert promotion_checked(False, "rejected").severity is dg.AssetCheckSeverity.WARN
