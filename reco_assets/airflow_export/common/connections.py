"""What an operator sets in Airflow, and the platform's tasks and alerts go by: three variables and two connections."""

from typing import Any
from urllib.parse import urlsplit

from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

SLACK_CONN_ID = "slack_default"
MLFLOW_CONN_ID = "mlflow_conn"

# The platform's environment variables, each with Airflow's variable that steers it.
STEERED_BY = {
    "MODEL_REGISTRY_NAME": "model_registry_name",
    "TRAINING_LOOKBACK_DAYS": "training_lookback_days",
    "RATING_THRESHOLD": "prediction_threshold",
}


def steering(context: dict[str, Any]) -> dict[str, str]:
    """Environment variables of the platform that Airflow's variables and `mlflow_conn` set; what isn't set is left out.

    Read when a task runs: reading one while a file is parsed would ask the database each time.
    """
    variables = {name: context["var"]["value"].get(variable, None) for name, variable in STEERED_BY.items()}
    found = {name: str(value) for name, value in variables.items() if value not in (None, "")}
    conn = context["conn"].get(MLFLOW_CONN_ID, None)
    if conn is None or not conn.host:
        return found
    login = {"MLFLOW_TRACKING_USERNAME": conn.login, "MLFLOW_TRACKING_PASSWORD": conn.password}
    return found | {"MLFLOW_TRACKING_URI": url_of(conn)} | {name: value for name, value in login.items() if value}


def url_of(conn: Any, scheme: str = "http") -> str:
    """A connection's address: its host, which may be a whole URL, with its schema and port where the host has none."""
    host = conn.host if "://" in conn.host else f"{conn.schema or scheme}://{conn.host}"
    parts = urlsplit(host)
    if conn.port and not parts.port:
        parts = parts._replace(netloc=f"{parts.netloc}:{conn.port}")
    return parts.geturl().rstrip("/")


class SlackHook(SlackWebhookHook):
    """Slack's hook, for the provider's own form of the connection and for the documented one.

    Documented is: type HTTP, the host, and `webhook_token` in extra. The provider asks for type slackwebhook, with the
    token as password.
    """

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """The connection, its password the webhook's whole URL where only `webhook_token` was given."""
        conn = super().get_connection(conn_id)
        token = conn.extra_dejson.get("webhook_token")
        if token and not conn.password:
            conn.password = _webhook_url(conn, token)
        return conn


def _webhook_url(conn: Any, token: str) -> str:
    if "://" in token:
        return token
    address = url_of(conn, "https") if conn.host else "https://hooks.slack.com"
    path = token.strip("/")
    # Slack's webhooks are all below /services, which neither a bare host nor a token need name.
    if not urlsplit(address).path.strip("/") and not path.startswith("services/"):
        path = f"services/{path}"
    return f"{address}/{path}"


def slack_hook() -> SlackHook:
    """The hook of every message to Slack."""
    return SlackHook(slack_webhook_conn_id=SLACK_CONN_ID)
