"""When pipelines run by themselves, and how fresh tables must be."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from resources.settings.group import Group, Positive, below


def _is_cron(value: str) -> str:
    import dagster as dg

    if not value:
        return value
    try:
        dg.ScheduleDefinition(job_name="any", cron_schedule=value)
    except dg.DagsterInvalidDefinitionError:
        raise ValueError("a cron expression of five fields such as '0 2 * * *'") from None
    return value


Cron = Annotated[str, AfterValidator(_is_cron)]


class ScheduleSettings(Group, alias_generator=below("")):
    """The pipelines' crons (five fields, UTC; empty: by hand), and hours after which a table is late."""

    switch: Annotated[Literal["on", "off"], Field(alias="RECO_SCHEDULES")] = "off"
    reco_pipeline_cron: Cron = "0 0 * * *"
    etl_train_test_pipeline_cron: Cron = ""
    drift_detection_retrain_pipeline_cron: Cron = "0 0 * * *"
    ml_pipeline_dag_cron: Cron = "0 0 * * 0"
    data_validation_dag_cron: Cron = "0 0 * * *"
    model_retraining_dag_cron: Cron = ""
    movie_recommender_pipeline_cron: Cron = "0 2 * * *"
    model_training_dag_cron: Cron = ""
    experiment_look_cron: Cron = "0 4 * * *"
    lakehouse_maintenance_cron: Cron = "0 3 * * 0"
    silver_fresh_hours: Positive = 36
    gold_fresh_hours: Positive = 36
