"""The Airflow task that a process works for. Airflow names it in the environment of every task and its children."""

from collections.abc import Mapping
from dataclasses import dataclass

from resources.settings import Settings

DAG_TAG, RUN_TAG, TASK_TAG, TRY_TAG = "airflow/dag_id", "airflow/run_id", "airflow/task_id", "airflow/try_number"


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
