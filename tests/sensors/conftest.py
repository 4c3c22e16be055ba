"""A Dagster instance with drift reports in its event log, and the retrain sensor on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from drift_sensors.retrain import retrain_sensor
from reco_assets.pipelines.jobs import asset_jobs
from resources.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", run_backoff_seconds=0)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


@pytest.fixture
def tick(settings: Settings, instance: dg.DagsterInstance) -> Callable[..., dg.SensorResult]:
    """Evaluate the sensor once; `cursor` as the tick before returned it."""

    def evaluate(cursor: str | None = None) -> dg.SensorResult:
        result = retrain_sensor(settings, asset_jobs(()))(dg.build_sensor_context(instance, cursor=cursor))
        assert isinstance(result, dg.SensorResult)
        return result

    return evaluate
