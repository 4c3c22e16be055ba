"""When the pipelines run by themselves, and how old what they make may get."""

from datetime import timedelta

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.documented import DOCUMENTED_SPECS, MODEL_TRAINING, MOVIE_RECOMMENDER_PIPELINE
from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.schedules import cron_of, schedules
from reco_assets.pipelines.spec import JobSpec
from resources.settings import load_settings


@pytest.mark.parametrize(
    ("setting", "status"), [("off", dg.DefaultScheduleStatus.STOPPED), ("on", dg.DefaultScheduleStatus.RUNNING)]
)
def test_one_setting_turns_all_schedules_on(setting: str, status: dg.DefaultScheduleStatus) -> None:
    made = schedules(load_settings(reco_schedules=setting))
    assert made
    assert {schedule.default_status for schedule in made} == {status}


def test_every_job_that_runs_has_a_schedule_once_it_has_a_cron() -> None:
    wanted = {spec.name: "0 5 * * *" for spec in DOCUMENTED_SPECS}
    settings = load_settings(
        **{f"{job}_cron": cron for job, cron in wanted.items()}, lakehouse_maintenance_cron="5 5 * * *"
    )
    assert {schedule.job_name: schedule.cron_schedule for schedule in schedules(settings)} == {
        **wanted,
        "experiment_look": "0 4 * * *",
        "lakehouse_maintenance": "5 5 * * *",
    }


def test_the_neural_pipeline_runs_at_two_in_the_morning_and_training_by_variables_by_hand() -> None:
    assert cron_of(MOVIE_RECOMMENDER_PIPELINE, load_settings()) == "0 2 * * *"
    assert cron_of(MODEL_TRAINING, load_settings()) == ""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_setting_that_a_spec_names_is_one(spec: JobSpec) -> None:
    assert isinstance(cron_of(spec, load_settings()), str)


def test_silver_and_gold_are_overdue_by_the_settings_and_warn_before() -> None:
    definitions = build_definitions(load_settings(silver_fresh_hours=6, gold_fresh_hours=12))
    policies = {spec.key.to_user_string(): spec.freshness_policy for spec in definitions.resolve_all_asset_specs()}
    assert policies["silver/ratings"] == policies["silver/train_ratings"] == overdue_after(6)
    assert policies["gold/recommendations_als"] == policies["gold/similar_movies"] == overdue_after(12)
    assert policies["gold/recommendations_fresh"] is None  # it is as old as the last file
    assert {key for key, policy in policies.items() if policy and key.split("/")[0] not in ("silver", "gold")} == set()


def overdue_after(hours: int) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=hours), warn_window=timedelta(hours=hours) * 2 / 3
    )
