"""Of every outage the first failure is told, what is worse, and its end: each once, and nothing twice in a row."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drift_sensors.outages import MOST, Book, Change, Heard, Level, News, dump, enter, load

LEVELS = st.sampled_from([None, *Level])
HEARD = st.lists(st.tuples(st.sampled_from(["job a", "check b of c", "age of d"]), LEVELS), max_size=40)


def told(heard: list[tuple[str, Level | None]], restart: bool = False) -> list[tuple[str, Change]]:
    book, news = Book(0), list[tuple[str, Change]]()
    for at, (subject, level) in enumerate(heard):
        book, change = enter(load(dump(book)) if restart else book, Heard(subject, at, level))
        if change:
            news.append((subject, change))
    return news


@given(HEARD)
def test_no_two_equal_messages_follow_each_other_for_a_subject(heard: list[tuple[str, Level | None]]) -> None:
    for subject in {subject for subject, _ in heard}:
        mine = [(each.news, each.outage.level) for name, each in told(heard) if name == subject]
        assert all(a != b for a, b in pairwise(mine))


@given(HEARD)
def test_every_outage_has_one_first_message_and_one_end_if_it_ends(heard: list[tuple[str, Level | None]]) -> None:
    for subject in {subject for subject, _ in heard}:
        levels = [level for name, level in heard if name == subject]
        begun = sum(b is not None and a is None for a, b in zip([None, *levels], levels, strict=False))
        ended = sum(b is None and a is not None for a, b in zip([None, *levels], levels, strict=False))
        news = [each.news for name, each in told(heard) if name == subject]
        assert (news.count(News.FIRST), news.count(News.WELL)) == (begun, ended)


@given(HEARD)
def test_a_restart_between_any_two_events_changes_nothing(heard: list[tuple[str, Level | None]]) -> None:
    assert told(heard, restart=True) == told(heard)


def test_the_end_says_since_when_and_how_often_it_failed() -> None:
    (_, first), (_, given_up), (_, end) = told(
        [("job a", Level.FAILS), ("job a", Level.FAILS), ("job a", Level.GIVEN_UP), ("job a", None)]
    )
    assert (first.news, given_up.news, end.news) == (News.FIRST, News.WORSE, News.WELL)
    assert (end.outage.since, end.outage.failures) == (0, 3)


def test_what_is_remembered_is_bounded_and_what_was_heard_of_longest_ago_goes_first() -> None:
    book = Book(0)
    for number in range(MOST + 2):
        book, _ = enter(book, Heard(f"job {number}", number, Level.FAILS))
    assert len(book.outages) == MOST
    assert "job 0" not in book.outages
    assert f"job {MOST + 1}" in book.outages
