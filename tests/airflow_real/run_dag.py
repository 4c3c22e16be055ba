"""Run one DAG by `dag.test()` and print what came of it as the last line; for an Airflow environment's Python."""

import json
import sys
from datetime import datetime
from typing import Any

from airflow import settings
from airflow.utils.session import create_session

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow 2.11
    from airflow.models import DagBag


def run(dag_id: str, date: str = "") -> dict[str, Any]:
    """The run's id and state, each task's state, and what each left in XCom; of a run on a date in Airflow 3."""
    sys.path.append(settings.DAGS_FOLDER)  # as the services of both lines do, for `common`
    dag = DagBag().dags[dag_id]
    for task in dag.tasks:
        task.retries = 0  # a failure should end the test, not wait five minutes for the next attempt
    dag.deadline = None  # which a run of a date long ago would trip over
    dag_run = dag.test(**({"logical_date": datetime.fromisoformat(date)} if date else {}))
    with create_session() as session:
        instances = dag_run.get_task_instances(session=session)
        return {
            "run_id": dag_run.run_id,
            "state": str(getattr(dag_run.state, "value", dag_run.state)),
            "tasks": {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in instances},
            "xcoms": {ti.task_id: ti.xcom_pull(task_ids=ti.task_id, session=session) for ti in instances},
        }


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:]), default=str))
