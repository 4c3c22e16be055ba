"""Services and programs beside the platform: Slack, MLflow, and the Airflow that calls it."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from resources.settings.group import Group, LocalPath, Name, below


def _can_be_registered(value: str) -> str:
    """MLflow refuses '/' and ':' after the training; a quote would end its searches by name."""
    if not re.fullmatch(r"[\w.-]([\w. -]{0,254}[\w.-])?", value):
        raise ValueError("a name of letters, digits, '.', '_', '-' and spaces inside, as MLflow registers models by it")
    return value


class AlertSettings(Group, alias_generator=below("SLACK_")):
    """Where alerts go; without a token and a channel they go to the log."""

    bot_token: SecretStr | None = None
    channel: str | None = None
    api_url: SecretStr | None = None


class MlflowSettings(Group, alias_generator=below("MLFLOW_")):
    """Where runs and models are shown, and under which name models are registered."""

    tracking_uri: SecretStr | None = None
    timeout_seconds: Annotated[float, Field(gt=0.0, le=60.0)] = 3.0
    registry_name: Annotated[str, AfterValidator(_can_be_registered), Field(alias="MODEL_REGISTRY_NAME")] = "reco_als"


class AirflowSettings(Group, alias_generator=below("AIRFLOW_CTX_")):
    """The Airflow task that a command runs in, as Airflow itself says, and what it hands on to the next."""

    dag_id: Name | None = None
    dag_run_id: Name | None = None
    task_id: Name | None = None
    try_number: str | None = None
    results_path: Annotated[LocalPath | None, Field(alias="RECO_RESULTS_PATH")] = None
    drift_report: Annotated[Name | None, Field(alias="RECO_DRIFT_REPORT")] = None
