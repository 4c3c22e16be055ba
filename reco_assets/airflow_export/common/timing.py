"""When the DAGs run, and how long a whole run may take: from the same file in Airflow 2.11 and 3."""

from datetime import timedelta
from typing import Any

from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

from common.alerts import LATE_RUN_MESSAGE, is_set
from common.connections import SLACK_CONN_ID, slack_hook

try:
    from airflow.sdk import CronTriggerTimetable
except ImportError:  # Airflow 2.11
    from airflow.timetables.trigger import CronTriggerTimetable

try:
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference
except ImportError:  # Airflow 2.11, which has `sla` instead; 3.0 has neither
    DeadlineAlert = None


def cron(expression: str) -> CronTriggerTimetable:
    """A schedule whose runs carry the date they start on: `@daily` means a day earlier in 2 than in 3."""
    return CronTriggerTimetable(expression, timezone="UTC")


def overall_deadline(limit: timedelta) -> dict[str, Any]:
    """Arguments of a DAG: one Slack message when a run takes longer than `limit`; the run goes on."""
    if DeadlineAlert is None:
        return {"sla_miss_callback": tell_of_missed_sla}
    # The triggerer, which calls this, can import providers but not the DAG folder.
    tell = AsyncCallback(SlackWebhookNotifier, {"slack_webhook_conn_id": SLACK_CONN_ID, "text": LATE_RUN_MESSAGE})
    return {"deadline": DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, limit, tell)}


def overall_sla(limit: timedelta) -> dict[str, Any]:
    """Default arguments of a DAG with an `overall_deadline`: what Airflow 2.11 needs beside it."""
    return {"sla": limit} if DeadlineAlert is None else {}


def tell_of_missed_sla(dag: Any, task_list: str, *_details: Any) -> None:
    """`sla_miss_callback` of Airflow 2.11."""
    if is_set(SLACK_CONN_ID):
        text = f"Late: DAG {dag.dag_id} has not ended in time: {task_list.strip()}"
        slack_hook().send(text=text)
