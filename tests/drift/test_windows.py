"""Windows over waiting batches: the newest, twice as many, all; few of them, and none far from any other suffix."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.drift.windows import Starts, Window

BATCHES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5_000)), min_size=1, max_size=80)


def arrive(*batches: tuple[str, int]) -> Starts:
    starts = Starts()
    for intake, rows in batches:
        starts = starts.arrive(intake, rows)
    return starts


def sizes(starts: Starts) -> list[int]:
    return [window.batches for window in starts.windows]


def test_a_single_batch_is_one_window() -> None:
    assert arrive(("a", 100)).windows == (Window(0, 1),)


def test_batches_of_one_size_have_windows_of_about_one_two_four_eight_of_them() -> None:
    found = sizes(arrive(*((f"{n}", 100) for n in range(64))))
    assert {1, 2, 64} <= set(found)
    assert len(found) <= 14
    assert all(larger <= 3 * smaller for larger, smaller in pairwise(found))


def test_a_small_batch_after_a_large_one_is_a_window_of_its_own_whatever_comes_after() -> None:
    starts = arrive(("a", 17_000), ("b", 4_000), ("c", 10), ("d", 10))
    assert Window(1, 4) in starts.windows


def test_the_newest_intake_is_a_window_even_between_two_of_its_size() -> None:
    pruned = arrive(*((f"{n}", 100) for n in range(3)), *(("new", 10) for _ in range(12)))
    assert Window(3, 15) in pruned.windows
    assert pruned.name(Window(3, 15)) == "newest intake = newest 12 batches"


def test_batches_of_unknown_intakes_do_not_pass_for_one() -> None:
    assert arrive(("", 10), ("", 10)).intake_start == 1


@given(BATCHES)
@settings(max_examples=100, deadline=None)
def test_windows_are_suffixes_and_the_newest_batch_the_newest_intake_and_all_are_among_them(
    batches: list[tuple[int, int]],
) -> None:
    given_batches = [(str(intake), rows) for intake, rows in sorted(batches, key=lambda batch: batch[0])]
    starts = arrive(*given_batches)
    newest = [intake for intake, _ in given_batches].index(given_batches[-1][0])
    assert {0, newest, len(batches) - 1} <= set(starts.at)
    assert list(starts.at) == sorted(set(starts.at))
    assert sum(starts.rows) == sum(rows for _, rows in given_batches)


@given(BATCHES)
@settings(max_examples=100, deadline=None)
def test_every_other_suffix_lies_between_two_windows_that_differ_by_a_factor_of_two_at_most(
    batches: list[tuple[int, int]],
) -> None:
    starts = arrive(*((f"{n}", rows) for n, (_, rows) in enumerate(batches)))
    behind = [sum(rows for _, rows in batches[at:]) for at in range(len(batches))]
    for at in set(range(len(batches))) - set(starts.at):
        larger = max(start for start in starts.at if start < at)
        smaller = min(start for start in starts.at if start > at)
        assert behind[larger] <= 2 * behind[smaller]


def test_windows_stay_few_over_many_batches() -> None:
    starts = Starts()
    for number in range(20_000):
        starts = starts.arrive(f"{number}", 20)
    assert len(starts.windows) < 40


def test_names_say_what_a_window_is() -> None:
    starts = arrive(("a", 100), ("b", 100), ("b", 100))
    assert [starts.name(window) for window in starts.windows] == [
        "all that waits = 3 batches",
        "newest intake = newest 2 batches",
        "newest batch",
    ]
    assert starts.name(Window(0, 2)) == "2 of 3 batches, up to no. 2"
    assert arrive(("a", 100)).name(Window(0, 1)) == "all that waits = newest intake = 1 batch"
