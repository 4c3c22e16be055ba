"""On Spark, what the driver holds does not grow with ratings and users: training, judging and lists at three sizes."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import driver_memory

MOST_TIMES = 1.2


@pytest.mark.slow
@pytest.mark.spark_environment
def test_the_drivers_memory_does_not_grow_with_ratings(capsys: pytest.CaptureFixture[str]) -> None:
    stages = ("train", "evaluate", "serve")
    found = driver_memory.peaks(driver_memory.measured_by_size(driver_memory.SIZES, stages))
    with capsys.disabled():
        print("\nThe driver's peak memory in MiB, Python and its JVM, by ratings:", json.dumps(found))
    assert found["all"]["ratio"] <= MOST_TIMES
