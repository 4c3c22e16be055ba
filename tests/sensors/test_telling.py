"""What was told stays told, also where the next record can't be."""

from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from drift_sensors.telling import telling_sensor


def test_a_record_that_raises_has_nothing_told_again_and_is_raised_at_the_next_tick() -> None:
    told = list[int]()

    def tell(_: dg.DagsterInstance, record: Any) -> bool:
        if record.storage_id == 2:
            raise KeyError("an odd event")
        told.append(record.storage_id)
        return True

    def records(_: dg.DagsterInstance, after: int | None) -> Any:
        return [SimpleNamespace(storage_id=number) for number in (1, 2) if number > (after or 0)]

    sensor = telling_sensor("teller", "Of the test.", "Slack", records, tell)
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor="0"))
        assert (first.cursor, told) == ("1", [1])
        assert "an odd event" in str(first.skip_message)
        with pytest.raises(KeyError, match="an odd event"):
            sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=first.cursor))
    assert told == [1]
