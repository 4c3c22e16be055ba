"""The limit of a whole run: `sla` in Airflow 2, a deadline in 3, the same message in both."""

import asyncio
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import airflow
import pytest

LIMIT = timedelta(hours=6)
only_in_2 = pytest.mark.skipif(not airflow.__version__.startswith("2."), reason="Airflow 3 has deadlines instead")
only_in_3 = pytest.mark.skipif(airflow.__version__.startswith("2."), reason="Airflow 2 has SLAs instead")


@pytest.fixture
def timing(dags: dict[str, Any]) -> Any:
    """The exported module, which can be imported once the DAGs are there."""
    return import_module("common.timing")


@only_in_3
def test_a_missed_deadline_is_told_by_slack(timing: Any, alerts: Any) -> None:
    alert = timing.overall_deadline(LIMIT)["deadline"]
    module, _, name = alert.callback.path.rpartition(".")
    # The context that the scheduler gives a deadline's callback: no task, the run as plain data.
    context = {"dag_run": {"dag_id": "a_dag", "dag_run_id": "a_run"}, "deadline": {"deadline_time": "…"}}

    async def call_as_the_triggerer_does() -> None:
        await getattr(import_module(module), name)(**alert.callback.kwargs, context=context)

    asyncio.run(call_as_the_triggerer_does())
    assert alert.interval == LIMIT
    assert alerts.slack == ["Late: DAG a_dag, run a_run has not ended in time"]


@only_in_3
def test_a_deadline_can_be_told_without_the_dag_folder(timing: Any) -> None:
    assert timing.overall_deadline(LIMIT)["deadline"].callback.path.startswith("airflow.providers.")
    assert timing.overall_sla(LIMIT) == {}


@only_in_2
def test_a_missed_sla_is_told_by_slack(timing: Any, alerts: Any) -> None:
    tell = timing.overall_deadline(LIMIT)["sla_miss_callback"]
    tell(SimpleNamespace(dag_id="a_dag"), "a_task on 2025-01-05T00:00:00+00:00\n", "", [], [])
    assert timing.overall_sla(LIMIT) == {"sla": LIMIT}
    assert alerts.slack == ["Late: DAG a_dag has not ended in time: a_task on 2025-01-05T00:00:00+00:00"]


@only_in_2
def test_a_missed_sla_without_a_connection_breaks_nothing(timing: Any) -> None:
    timing.tell_of_missed_sla(SimpleNamespace(dag_id="a_dag"), "a_task", "", [], [])
