"""The simulated people: the same plan gives the same events, and what they do tells of their tastes."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.events.schema import parse
from reco_assets.events.simulation.funnel import live_through
from reco_assets.events.simulation.messages import Outgoing, introduction, messages_of
from reco_assets.events.simulation.people import FIRST_USER, Plan, Town, town

FIRST = date(2026, 1, 5)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def people() -> Town:
    return town(Plan(users=200, movies=300, seed=1))


def by_type(messages: list[Outgoing]) -> dict[str, list[dict]]:
    return {each.kind.name: [json.loads(value) for value in each.values] for each in messages}


def test_a_day_is_the_same_whenever_it_is_made(people: Town) -> None:
    day = FIRST + timedelta(20)
    again = town(Plan(users=200, movies=300, seed=1))
    messages_of(again, FIRST)
    assert [each.values for each in messages_of(again, day)] == [each.values for each in messages_of(people, day)]


@pytest.mark.parametrize(
    "other",
    [
        Plan(users=200, movies=300, seed=2),
        Plan(users=201, movies=300, seed=1),
        Plan(users=200, movies=301, seed=1),
    ],
)
def test_events_of_different_plans_have_different_ids(people: Town, other: Plan) -> None:
    day = FIRST + timedelta(1)
    one, two = (by_type(messages_of(each, day)) for each in (people, town(other)))
    ids = [{event["event_id"] for events in made.values() for event in events} for made in (one, two)]
    assert ids[0].isdisjoint(ids[1])


@settings(max_examples=25, deadline=None)
@given(
    users=st.integers(1, 40),
    movies=st.integers(1, 120),
    seed=st.integers(0, 2**31 - 1),
    after=st.integers(0, 30),
)
def test_every_message_is_an_event_of_its_topic_and_its_day_in_the_order_of_time(
    users: int, movies: int, seed: int, after: int
) -> None:
    day = FIRST + timedelta(after)
    people = town(Plan(users, movies, seed))
    for made in [*introduction(people, day), *messages_of(people, day)]:
        parsed = parse(made.values, made.kind, NEXT_YEAR)
        assert parsed.refused == {}
        assert set(parsed.rows["event_date"].to_pylist()) <= {day}
        assert parsed.rows["event_ts"].to_pylist() == sorted(parsed.rows["event_ts"].to_pylist())
        assert len(set(parsed.rows["event_id"].to_pylist())) == len(made.values)
        assert [json.loads(value)[made.kind.key] for value in made.values] == [int(key) for key in made.keys]


def test_the_introduction_names_every_user_and_movie_with_the_same_ids_on_whichever_day(people: Town) -> None:
    made, later = (by_type(introduction(people, day)) for day in (FIRST, FIRST + timedelta(9)))
    assert [event["movie_id"] for event in made["movie"]] == list(range(1, 301))
    assert [event["user_id"] for event in made["user"]] == [FIRST_USER + user for user in range(200)]
    for name in ("movie", "user"):
        assert [event["event_id"] for event in made[name]] == [event["event_id"] for event in later[name]]


def test_users_are_introduced_before_they_do_anything(people: Town) -> None:
    introduced = {event["event_ts"] for event in by_type(introduction(people, FIRST))["user"]}
    assert max(introduced) < min(event["event_ts"] for event in by_type(messages_of(people, FIRST))["view"])


def test_what_is_rated_was_clicked_before_and_what_is_clicked_was_shown_before(people: Town) -> None:
    events = by_type(messages_of(people, FIRST + timedelta(30)))
    times = {
        name: {(event["session_id"], event["movie_id"]): event["event_ts"] for event in events[name]}
        for name in ("view", "click", "rating")
    }
    assert 0 < len(times["rating"]) < len(times["click"]) < len(times["view"])
    assert all(times["click"][visit] <= moment for visit, moment in times["rating"].items())
    assert all(times["view"][visit] <= moment for visit, moment in times["click"].items())


def test_nobody_is_shown_a_movie_twice_in_a_session(people: Town) -> None:
    views = by_type(messages_of(people, FIRST + timedelta(30)))["view"]
    assert len({(event["session_id"], event["movie_id"]) for event in views}) == len(views)


def test_users_click_and_rate_what_they_like_more_than_what_they_are_only_shown() -> None:
    many = town(Plan(users=2_000, movies=300, seed=3))
    day = live_through(many, FIRST + timedelta(20))
    liking = np.einsum("nt,nt->n", many.taste[day.user[day.session]], many.movies.taste[day.movie])
    clicked = ~np.isnan(day.clicked)
    assert liking[clicked].mean() > liking[~clicked].mean() + 0.2
    assert np.corrcoef(liking[clicked], day.stars[clicked])[0, 1] > 0.4
