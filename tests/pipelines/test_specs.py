"""What a pipeline's spec says of itself agrees with its tasks, and the spec modules know neither Dagster nor models."""

import subprocess
import sys

import pytest

from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from reco_assets.pipelines.jobs import RETRAINING, SPECS
from reco_assets.pipelines.selections import TRAINING
from reco_assets.pipelines.spec import JobSpec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_pipeline_says_that_it_retrains_exactly_when_it_accepts_batches_and_trains(spec: JobSpec) -> None:
    assert spec.retrains is ({"stream/accepted", *TRAINING} <= set(spec.assets))


def test_these_pipelines_retrain() -> None:
    assert {"drift_retrain", "drift_detection_retrain_pipeline", "model_retraining_dag"} == RETRAINING


def test_these_pipelines_choose_by_the_drift_report_that_they_made() -> None:
    assert {"drift_detection_retrain_pipeline", "ml_pipeline_dag"} == FOLLOWING_THEIR_REPORT


@pytest.mark.slow
def test_the_specs_are_read_without_dagster_and_without_the_functions_that_they_name() -> None:
    code = (
        "import sys; import reco_assets.pipelines.internal\n"
        "rooms = {'dagster', *(f'reco_assets.{room}' for room in ('drift', 'models', 'quality', 'tasks'))}\n"
        "assert not rooms & sys.modules.keys(), rooms & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
