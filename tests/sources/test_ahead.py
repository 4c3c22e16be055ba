"""The next items are made while the one before is used: in order, a few at a time."""

from collections.abc import Iterator
from threading import Event

import pytest

from reco_assets.sources.ahead import ahead


def test_items_come_in_their_order_whichever_is_made_first() -> None:
    second_is_made = Event()

    def make(item: int) -> int:
        if item == 1:
            assert second_is_made.wait(10)
        if item == 2:
            second_is_made.set()
        return 10 * item

    assert list(ahead(make, range(1, 6))) == [10, 20, 30, 40, 50]


def test_an_error_is_raised_in_the_place_of_its_item() -> None:
    def make(item: int) -> int:
        if item == 3:
            raise ValueError(item)
        return item

    made = ahead(make, range(1, 6))
    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(ValueError, match="3"):
        next(made)


def test_no_more_items_are_taken_than_are_worked_on() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    made = ahead(str, items())
    assert next(made) == "0"
    assert len(taken) <= 3
    made.close()
