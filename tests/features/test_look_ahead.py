"""A feature that sees what is yet to come is found, in whichever way its SQL does so."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from reco_assets.features import compute, point_in_time
from reco_assets.features.declarations import FEATURES, Entity, Feature
from reco_assets.features.look_ahead import looking_ahead
from tests.features.worlds import DAY, START, Event, sources

HAPPENED = [
    Event(user, movie, START + day * DAY + timedelta(seconds=user), kind, stars)
    for user in (1, 2, 3)
    for day, movie in enumerate((1, 2, 3, 1, 2))
    for kind, stars in (("view", 0.0), ("click", 0.0), ("rating", 1.0 + day))
]


def planted(name: str, **sql: str) -> Sequence[Feature]:
    """The features, one of them with other SQL."""
    return [replace(feature, **sql) if feature.name == name else feature for feature in FEATURES]


def found(features: Sequence[Feature]) -> list[str]:
    return [finding.feature for finding in looking_ahead(sources(HAPPENED), features)]


def test_the_declared_features_do_not_look_ahead() -> None:
    assert found(FEATURES) == []


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("user_ratings", {"after": "max(ratings) OVER (PARTITION BY user_id)"}),
        ("movie_ratings", {"after": "lead(ratings, 1, ratings) OVER (PARTITION BY movie_id ORDER BY ts)"}),
        ("movie_mean_rating", {"at": "(SELECT avg(rating) FROM interactions)"}),
        (
            "user_clicks",
            {"at": "(SELECT count(*) FROM looks WHERE looks.user_id = asked.user_id AND looks.ts <= asked.ts)"},
        ),
        ("movie_age", {"at": "epoch((SELECT ts FROM newest) - asked.ts)"}),
        ("pair_views", {"after": "max(views) OVER (PARTITION BY user_id, movie_id)"}),
    ],
)
def test_a_planted_look_ahead_is_found(name: str, sql: dict[str, str]) -> None:
    assert found(planted(name, **sql)) == [name]


def test_reading_what_happens_in_the_moment_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = point_in_time._past
    monkeypatch.setattr(point_in_time, "_past", lambda entity: honest(entity).replace(".ts < asked", ".ts <= asked"))
    assert {"user_ratings", "movie_mean_rating", "pair_clicks"} <= set(found(FEATURES))


def test_training_examples_that_see_their_own_moment_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = compute.features_at

    def leaking(entities: Sequence[Entity], asked: str, features: Sequence[Feature], genres: int) -> str:
        query = honest(entities, asked, features, genres)
        return query.replace(".ts < asked", ".ts <= asked") if asked == "interactions" else query

    monkeypatch.setattr(compute, "features_at", leaking)
    assert {"user_ratings", "movie_mean_rating", "pair_clicks"} <= set(found(FEATURES))


def test_what_is_found_says_what_was_seen_and_what_should_have_been() -> None:
    (finding,) = looking_ahead(
        sources(HAPPENED), planted("user_ratings", after="max(ratings) OVER (PARTITION BY user_id)")
    )
    assert finding.rows[0]["user_ratings"] == 5
    assert finding.rows[0]["without what came later"] == 3
    assert "Feature user_ratings looks ahead" in str(finding)
