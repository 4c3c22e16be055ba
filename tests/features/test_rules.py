"""A value that breaks its feature's rule keeps a version from readers, and is told with its row."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from reco_assets.features.compute import build
from reco_assets.features.declarations import FEATURES, Feature
from reco_assets.features.finding import FeatureCheckError, Finding
from reco_assets.features.rules import broken_rules
from resources.databases import in_memory
from tests.features.worlds import GENRES, START, Event, sources

HAPPENED = [Event(1, 1, START, "rating", 5.0), Event(2, 1, START, "rating", 1.0), Event(2, 2, START, "view")]


def ruled(name: str, check: str) -> Sequence[Feature]:
    return [replace(feature, check=check) if feature.name == name else feature for feature in FEATURES]


def found(features: Sequence[Feature]) -> list[Finding]:
    with in_memory() as connection:
        build(connection, sources(HAPPENED), features)
        return broken_rules(connection, features, len(GENRES))


def test_the_declared_rules_hold() -> None:
    assert found(FEATURES) == []


def test_a_broken_rule_is_told_with_its_feature_and_row() -> None:
    (finding,) = found(ruled("user_mean_rating", "value BETWEEN 3.5 AND 5"))
    assert str(finding) == (
        "Feature user_mean_rating breaks its rule (value BETWEEN 3.5 AND 5) in 1 of 2 rows, as in user_id=2, "
        "ts=2020-01-01 00:00:00, user_mean_rating=3.0833332538604736."
    )


@pytest.mark.parametrize("name", ["user_genre_share", "movie_genres", "movie_age", "user_recency", "pair_views"])
def test_every_kind_of_feature_is_looked_at(name: str) -> None:
    assert [finding.feature for finding in found(ruled(name, "value = 17"))] == [name]


def test_a_value_that_is_not_there_breaks_any_rule() -> None:
    assert [finding.feature for finding in found(ruled("movie_views", "nullif(value, 0) >= 0"))] == ["movie_views"]


def test_the_error_names_what_to_do() -> None:
    error = FeatureCheckError(found(ruled("movie_age", "value > 40")))
    assert "The store stays as it was." in str(error)
    assert "reco features compute" in str(error)
