"""What a store is computed by: no more than its features ask for."""

from collections.abc import Sequence
from typing import Any

import pytest

from reco_assets.features.compute import build
from reco_assets.features.declarations import FEATURES, Entity, Feature
from reco_assets.features.running import Moments
from resources.databases import in_memory
from tests.features.worlds import START, Event, sources

HAPPENED = [Event(1, 1, START, "rating", 4.0), Event(1, 1, START, "view"), Event(1, 2, START, "click")]


@pytest.fixture
def summed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of each sum that is worked out, in the order in which they are."""
    names = list[str]()
    for name in ("sums", "fading"):
        honest = getattr(Moments, name)

        def noted(*given: Any, name: str = name, honest: Any = honest) -> Any:
            names.append(name)
            return honest(*given)

        monkeypatch.setattr(Moments, name, noted)
    return names


def features_of(entity: Entity) -> Sequence[Feature]:
    return [feature for feature in FEATURES if feature.entity is entity]


def test_of_a_pair_views_and_clicks_alone_are_summed_as_no_feature_names_more(summed: list[str]) -> None:
    with in_memory() as connection:
        build(connection, sources(HAPPENED), [f for f in features_of(Entity.USER_MOVIE) if f.after])
    assert summed == ["sums", "sums"]


def test_of_a_movie_no_genre_is_summed_as_no_feature_names_any(summed: list[str]) -> None:
    with in_memory() as connection:
        build(connection, sources(HAPPENED), features_of(Entity.MOVIE))
    assert sorted(summed) == ["fading", "sums", "sums", "sums", "sums"]
