"""On Spark, what the driver holds does not grow with ratings and users: training, judging and lists at two sizes."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import driver_memory

MOST_TIMES = 1.2
# The bench has one between them, which takes a fifth of the time.
SIZES = (min(driver_memory.SIZES), max(driver_memory.SIZES))


@pytest.mark.slow
@pytest.mark.spark_environment
def test_the_drivers_memory_does_not_grow_with_ratings(capsys: pytest.CaptureFixture[str]) -> None:
    stages = driver_memory.held_by_size(SIZES, driver_memory.MODEL)
    held = driver_memory.highest(stages)
    with capsys.disabled():
        print("\nThe most MiB that Spark's driver has held after each stage, and by ratings:")
        print(*map(json.dumps, stages), json.dumps(held), sep="\n")
    assert max(held.values()) <= MOST_TIMES * min(held.values())
