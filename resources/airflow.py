"""The Airflow task that a process works for. Airflow names it in the environment of every task and its children."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.settings import Settings

DAG_TAG, RUN_TAG, TASK_TAG, TRY_TAG = "airflow/dag_id", "airflow/run_id", "airflow/task_id", "airflow/try_number"

# The settings that Airflow's variables steer. A run that another process makes for a task finds them in its tags.
STEERED = ("MODEL_REGISTRY_NAME", "TRAINING_LOOKBACK_DAYS", "RATING_THRESHOLD")
STEERED_TAG = "reco/set/"


@dataclass(frozen=True)
class AirflowTask:
    """A task instance by Airflow's ids; `try_number` counts from 1, None where Airflow does not say it."""

    dag_id: str
    run_id: str
    task_id: str
    try_number: str | None

    def tags(self) -> Mapping[str, str]:
        """What a Dagster run is tagged with, so that each is found from the other side."""
        named = {
            DAG_TAG: self.dag_id,
            RUN_TAG: self.run_id,
            TASK_TAG: self.task_id,
            "dagster/max_retries": "0",  # Airflow tries again: attempts of both would multiply
        }
        return named if self.try_number is None else named | {TRY_TAG: self.try_number}


def airflow_task(settings: Settings) -> AirflowTask | None:
    """The task that this process works for; None outside of Airflow."""
    dag, run, task = settings.airflow.dag_id, settings.airflow.dag_run_id, settings.airflow.task_id
    if dag is None or run is None or task is None:
        return None
    return AirflowTask(dag, run, task, settings.airflow.try_number)


def steering_tags(settings: Settings) -> dict[str, str]:
    """The steered settings that are not left to their defaults, as tags of a run."""
    given = settings.given()
    return {f"{STEERED_TAG}{name}": str(given[name]) for name in STEERED if name in given}


def steered(settings: Settings, tags: Mapping[str, str]) -> Settings:
    """The same settings but for what the tags of a run say. Raises `SettingsError` where that is not allowed."""
    found: dict[str, Any] = {
        name.lower(): tags[f"{STEERED_TAG}{name}"] for name in STEERED if f"{STEERED_TAG}{name}" in tags
    }
    return settings.changed(**found) if found else settings
