"""Time, processors and memory of a piece of work are its own, not those of the work before it."""

import sys
import time

import pytest

from resources.usage import Meter

MIB = 1 << 20


def test_time_of_processors_is_counted_from_the_beginning_of_the_work() -> None:
    meter = Meter()
    meter.begin()
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    first = meter.end()
    meter.begin()
    second = meter.end()
    assert first.cpu_seconds >= 0.03  # the kernel counts by hundredths
    assert first.wall_seconds > second.wall_seconds
    assert second.cpu_seconds < first.cpu_seconds


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a peak can't be reset")
def test_a_peak_of_memory_is_that_of_its_own_work() -> None:
    meter = Meter()
    meter.begin()
    held = bytearray(200 * MIB)
    del held
    first = meter.end()
    meter.begin()
    second = meter.end()
    assert first.peak_memory_mib > second.peak_memory_mib + 150
