"""The limits of a pipeline: how Dagster keeps them, where they are seen, and that Airflow's DAG has the same."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from reco_assets.pipelines.documented import MOVIE_RECOMMENDER_PIPELINE
from reco_assets.pipelines.jobs import SLA_TAG, asset_job, in_words
from reco_assets.pipelines.spec import JobSpec, Limits, Task

MINUTES = timedelta(minutes=5)
LIMITS = Limits(retries=2, retry_delay=timedelta(0), sla=timedelta(hours=6), max_runtime=timedelta(hours=8))
SPEC = JobSpec(
    "job", "Of the test.", tasks=(Task("train", ("made",), sla=timedelta(hours=4)),), edges=(), limits=LIMITS
)


def job_of(spec: JobSpec, fails: int = 0) -> dg.JobDefinition:
    """The job on one asset that fails so many times."""
    left = [fails]

    @dg.asset(name="made")
    def made() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise ValueError("not yet")

    return dg.Definitions(assets=[made], jobs=[asset_job(spec, ())]).resolve_job_def("job")


def test_the_documented_limits_are_these() -> None:
    assert MOVIE_RECOMMENDER_PIPELINE.limits == Limits(2, MINUTES, timedelta(hours=6), timedelta(hours=8))
    assert {task.name: task.sla for task in MOVIE_RECOMMENDER_PIPELINE.tasks if task.sla} == {
        "generate_synthetic_data": timedelta(hours=2),
        "extract_events": timedelta(hours=1),
        "compute_features": timedelta(hours=3),
        "train_model": timedelta(hours=4),
        "evaluate_model": timedelta(hours=1),
        "deploy_model": timedelta(hours=1),
    }


@pytest.mark.parametrize(("fails", "success"), [(0, True), (2, True), (3, False)])
def test_a_step_that_fails_is_tried_again_twice(fails: int, success: bool) -> None:
    result = job_of(SPEC, fails).execute_in_process(raise_on_error=False)
    assert result.success is success


def test_between_attempts_lies_the_delay_of_the_spec() -> None:
    spec = replace(SPEC, limits=replace(LIMITS, retry_delay=MINUTES))
    assert asset_job(spec, ()).op_retry_policy == dg.RetryPolicy(max_retries=2, delay=300)


def test_dagit_shows_the_limits_and_dagster_ends_a_run_after_the_longest_alone() -> None:
    job = job_of(SPEC)
    assert job.tags["dagster/max_runtime"] == str(8 * 3600)
    assert job.tags[SLA_TAG] == "6 h"
    table = job.metadata["limits"].value
    assert "| train | made | 4 h |" in table
    assert "| the run | | 6 h |" in table
    assert "tried again 2 times" in table


def test_a_pipeline_without_limits_has_none_but_the_one_that_frees_the_queue() -> None:
    job = job_of(replace(SPEC, limits=None))
    assert SLA_TAG not in job.tags
    assert "limits" not in job.metadata
    assert job.tags["dagster/max_runtime"] == str(8 * 3600)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(hours=4), "4 h"),
        (timedelta(hours=1, minutes=1, seconds=2), "1 h 1 min"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(seconds=2), "0 min"),
    ],
)
def test_durations_are_said_in_hours_and_minutes(duration: timedelta, words: str) -> None:
    assert in_words(duration) == words
