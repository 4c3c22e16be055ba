"""Services and programs beside the platform: where alerts go, MLflow, and the Airflow that calls it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from resources.settings.group import Group, LocalPath, Name, below, can_be_registered

_NEXT_URL = re.compile(r"[\s,]+(?=[A-Za-z][\w+.-]*://)")  # a comma may also be a part of a URL


def _are_urls(value: SecretStr) -> SecretStr:
    """The URLs as they came. Raises `ValueError`, which does not say what was given."""
    given = value.get_secret_value().strip(" ,")
    if given and not all(re.match(r"[A-Za-z][\w+.-]*://\S+$", url) for url in _NEXT_URL.split(given)):
        raise ValueError("Apprise URLs such as json://host/path, with a space or a comma between them")
    return value


class AlertSettings(Group, alias_generator=below("SLACK_")):
    """Where alerts go: Slack by a token and a channel, other services by Apprise's URLs; and when a digest does."""

    bot_token: SecretStr | None = None
    channel: str | None = None
    api_url: SecretStr | None = None
    urls: Annotated[SecretStr | None, AfterValidator(_are_urls), Field(alias="ALERT_URLS")] = None
    digest_hour: Annotated[int | None, Field(alias="ALERTS_DIGEST_HOUR", ge=0, le=23)] = None

    @property
    def url_list(self) -> list[str]:
        """Apprise's URLs, each a secret."""
        given = self.urls.get_secret_value().strip(" ,\n\t") if self.urls else ""
        return _NEXT_URL.split(given) if given else []


class MailSettings(Group, alias_generator=below("SMTP_")):
    """The mail server that failures are told through, and to whom; without a host no mail is sent."""

    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65_535)] = 25
    user: str | None = None
    password: SecretStr | None = None
    starttls: Literal["on", "off"] = "off"
    sender: Annotated[str, Field(alias="ALERT_EMAIL_FROM")] = "reco-assets@localhost"
    recipients: Annotated[str, Field(alias="ALERT_EMAIL_TO")] = "ml-platform-alerts@example.com"


class MlflowSettings(Group, alias_generator=below("MLFLOW_")):
    """Where runs and models are shown, and under which name models are registered."""

    tracking_uri: SecretStr | None = None
    timeout_seconds: Annotated[float, Field(gt=0.0, le=60.0)] = 3.0
    registry_name: Annotated[str, AfterValidator(can_be_registered), Field(alias="MODEL_REGISTRY_NAME")] = "reco_als"


class AirflowSettings(Group, alias_generator=below("AIRFLOW_CTX_")):
    """The Airflow task that a command runs in, as Airflow itself says, and what it hands on to the next."""

    dag_id: Name | None = None
    dag_run_id: Name | None = None
    task_id: Name | None = None
    try_number: str | None = None
    results_path: Annotated[LocalPath | None, Field(alias="RECO_RESULTS_PATH")] = None
    drift_report: Annotated[Name | None, Field(alias="RECO_DRIFT_REPORT")] = None
