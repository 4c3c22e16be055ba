# Exported by `reco airflow export`.
"""Who hears of failures and of what takes too long: Slack and e-mail, each only where its connection is set.

An alert that can't be sent is a line in the log, never a failed task.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Timer
from typing import Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, AirflowSkipException, BaseHook
from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from common.connections import SLACK_CONN_ID, slack_hook

log = logging.getLogger(__name__)

SMTP_CONN_ID = "smtp_default"
ALERT_EMAIL = os.environ.get("ALERT_EMAIL", "ml-platform-alerts@example.com")
ALERT_SENDER = os.environ.get("ALERT_SENDER", ALERT_EMAIL)

# A run triggered by hand has no logical date in Airflow 3.
_RUN = "DAG {{ dag.dag_id }}, run {{ run_id }}, date {{ (dag_run.logical_date or dag_run.run_after).isoformat() }}"
_TASK_FAILED = f"Failed: {_RUN}, task {{{{ ti.task_id }}}}"
SUCCESS_MESSAGE = f"Succeeded: {_RUN}"
FAILURE_MESSAGE = f"Failed: {_RUN}, task {{{{ failed_tasks(ti, dag_run) | join(', ') }}}}"
LATE_RUN_MESSAGE = "Late: DAG {{ dag_run.dag_id }}, run {{ dag_run.dag_run_id }} has not ended in time"


def tell_of_failure(context: dict[str, Any]) -> None:
    """`on_failure_callback` of every task: one Slack message and one e-mail for a task that failed for good.

    A DAG with a task `alert_failure` sends its Slack message by that.
    """
    if "alert_failure" not in context["dag"].task_ids:
        send_to_slack(_TASK_FAILED, context)
    if is_set(SMTP_CONN_ID):
        SmtpNotifier(
            smtp_conn_id=SMTP_CONN_ID,
            from_email=ALERT_SENDER,
            to=ALERT_EMAIL,
            subject="Failed: {{ dag.dag_id }}.{{ ti.task_id }}",
            html_content=_TASK_FAILED,
        )(context)


def send_to_slack(text: str, context: dict[str, Any]) -> None:
    """One Slack message; `text` is a template over the task's context."""
    if is_set(SLACK_CONN_ID):
        notifier = SlackWebhookNotifier(slack_webhook_conn_id=SLACK_CONN_ID, text=text)
        notifier.hook = slack_hook()
        notifier(context)


def is_set(conn_id: str) -> bool:
    """Whether the connection exists; says so in the log where it doesn't."""
    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        log.warning("The connection %s is not set: this alert is not sent.", conn_id)
        return False
    return True


def prepare_slack(context: dict[str, Any]) -> None:
    """`pre_execute` of the Slack tasks: without a connection they are skipped instead of failing."""
    if not is_set(SLACK_CONN_ID):
        raise AirflowSkipException(f"The connection {SLACK_CONN_ID} is not set.")
    context["ti"].task.hook = slack_hook()


def failed_tasks(ti: Any, dag_run: Any) -> list[str]:
    """Ids of the run's tasks that failed themselves, for `FAILURE_MESSAGE`."""
    if hasattr(ti, "get_task_states"):  # Airflow 3: a task has no access to the database
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
        return sorted(task_id for task_id, state in states.items() if state == "failed")
    return sorted(failed.task_id for failed in dag_run.get_task_instances(state=["failed"]))


# Arguments of every SlackWebhookOperator, and of the DAG it is in.
SLACK_TASK = {"slack_webhook_conn_id": SLACK_CONN_ID, "pre_execute": prepare_slack}
ALERT_MACROS = {"failed_tasks": failed_tasks}


@contextmanager
def alert_after(limit: timedelta | None, context: dict[str, Any]) -> Iterator[None]:
    """Sends one Slack message when the block takes longer than `limit`; the block goes on."""
    if limit is None:
        yield
        return
    text = f"Slow: {_RUN}, task {{{{ ti.task_id }}}} has been running for more than {limit}"
    timer = Timer(limit.total_seconds(), send_to_slack, (text, context))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def limited_to(limit: timedelta) -> dict[str, Any]:
    """Arguments of an operator that doesn't run by `run_reco`: the same alert after `limit`."""
    watch = ExitStack()

    def start(context: dict[str, Any]) -> None:
        watch.enter_context(alert_after(limit, context))

    def stop(_context: dict[str, Any], _result: Any = None) -> None:
        watch.close()

    return {"pre_execute": start, "post_execute": stop}
