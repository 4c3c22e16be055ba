"""A DAG whose runs are late after three seconds; they end when a file appears."""

import os
from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

from common.config import START_DATE
from common.timing import overall_deadline

with DAG("late", schedule=None, start_date=START_DATE, **overall_deadline(timedelta(seconds=3))):
    BashOperator(
        task_id="wait",
        bash_command='until [ -e "$MAY_END" ]; do sleep 0.2; done',
        env={"MAY_END": os.environ["MAY_END"]},
        append_env=True,
    )
