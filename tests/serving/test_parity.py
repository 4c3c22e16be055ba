"""Gold, the server and the registered model are compared list by list; what differs beyond ties is found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reco_assets.gold.recommendations import Order, recommendation_rows, similar_rows
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.pyfunc import ranked_movies
from reco_assets.models.versions.store import ModelStore
from reco_assets.rules.reading import add_rules, policy_to_publish, remove_rules
from reco_assets.rules.rule import Draft
from reco_assets.serving.parity import IN_PART, likeness, parity_of_recommendations, parity_of_similar
from reco_assets.tables import RECOMMENDATIONS_ALS, SIMILAR_MOVIES
from resources.mlflow.mirror import Circuit, MlflowTracking
from tests.serving.conftest import FIRST, SECOND, STRANGER, WHEN, Served

LIST = [(1, 0.9), (2, 0.5), (3, 0.4)]


@pytest.fixture
def with_gold(make_served: Callable[[], Served]) -> Served:
    served = make_served()
    champion = served.store.load(FIRST)
    served.lakehouse.write(RECOMMENDATIONS_ALS, recommendation_rows(champion, served.rated, FIRST, Order(10, WHEN)))
    served.lakehouse.write(SIMILAR_MOVIES, similar_rows(champion, champion.movie_ids, FIRST, Order(10, WHEN)))
    return served


def away(served: Served) -> MlflowTracking:
    return MlflowTracking(served.settings, "reco_als", Circuit("it is switched off"))


class Registered(MlflowTracking):
    """Holds the champion's files as the store does."""

    def fetch_version(self, version: str, folder: Path) -> Path:  # noqa: ARG002
        return self.settings.storage.root / "gold" / "models" / SERVING_FAMILY.name / version


def test_a_list_is_like_itself() -> None:
    assert likeness([LIST, []], [LIST, []]).holds


@pytest.mark.parametrize(
    "other",
    [[(9, 0.9), (2, 0.5), (3, 0.4)], [(1, 0.9), (2, 0.51), (3, 0.4)], [(1, 0.9), (2, 0.5)], [*LIST, (4, 0.1)]],
    ids=["another movie", "another score", "one less", "one more"],
)
def test_a_list_is_not_like_one_that_differs(other: list[tuple[int, float]]) -> None:
    assert not likeness([LIST], [other]).holds


def test_movies_of_one_score_may_change_places_and_the_last_may_be_another_of_its_score() -> None:
    tied = [(1, 0.9), (2, 0.5), (3, 0.5), (4, 0.1)]
    assert likeness([tied], [[(1, 0.9), (3, 0.5), (2, 0.5), (5, 0.1)]]).holds


def test_server_and_registered_model_say_what_gold_says(with_gold: Served) -> None:
    found = parity_of_recommendations(with_gold.lakehouse, Registered(with_gold.settings))
    assert (found.passed, found.lists) == (True, 20)
    assert found.likeness is not None
    assert found.likeness.keys() == {"server", "registered model"}
    similar = parity_of_similar(with_gold.lakehouse)
    assert (similar.passed, similar.lists) == (True, 40)


def test_beyond_memory_the_users_that_are_looked_at_are_loaded_alone(
    with_gold: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.tables.lakehouse.memory_bytes", lambda: 0)
    monkeypatch.setattr(ModelStore, "load", None)  # what all users have
    found = parity_of_recommendations(with_gold.lakehouse, Registered(with_gold.settings))
    assert (found.passed, found.lists) == (True, 20)
    assert found.likeness is not None
    assert found.likeness.keys() == {"server"}
    assert found.text.endswith(IN_PART)
    similar = parity_of_similar(with_gold.lakehouse)
    assert (similar.passed, similar.lists) == (True, 40)


def test_beyond_memory_lists_of_another_model_are_found_too(with_gold: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.tables.lakehouse.memory_bytes", lambda: 0)
    other = with_gold.store.load(SECOND)
    with_gold.lakehouse.write(RECOMMENDATIONS_ALS, recommendation_rows(other, with_gold.rated, FIRST, Order(10, WHEN)))
    with_gold.lakehouse.write(SIMILAR_MOVIES, similar_rows(other, other.movie_ids, FIRST, Order(10, WHEN)))
    assert not parity_of_recommendations(with_gold.lakehouse, Registered(with_gold.settings)).passed
    assert not parity_of_similar(with_gold.lakehouse).passed


@pytest.mark.filterwarnings("ignore:MLflow at")
def test_without_mlflow_the_server_alone_is_compared(with_gold: Served) -> None:
    found = parity_of_recommendations(with_gold.lakehouse, away(with_gold))
    assert found.passed
    assert found.likeness is not None
    assert found.likeness.keys() == {"server"}


def test_rules_are_kept_by_gold_and_server_and_lists_of_other_rules_than_those_of_now_are_named(
    with_gold: Served,
) -> None:
    lakehouse, registry = with_gold.lakehouse, Registered(with_gold.settings)
    champion = with_gold.store.load(FIRST)
    popular = champion.popularity.recommend(np.array([STRANGER], np.int32), 3).movie_id[0]
    about = {"factor": None, "from_day": WHEN.date(), "until_day": None, "reason": "asked for"}
    rules = add_rules(lakehouse, [Draft("hide", "movie", str(movie), user_id=None, **about) for movie in popular])
    order = Order(10, *policy_to_publish(lakehouse))
    lakehouse.write(RECOMMENDATIONS_ALS, recommendation_rows(champion, with_gold.rated, FIRST, order))
    lakehouse.write(SIMILAR_MOVIES, similar_rows(champion, champion.movie_ids, FIRST, order))
    found = parity_of_recommendations(lakehouse, registry)
    assert found.passed
    assert found.likeness is not None
    assert found.likeness.keys() == {"server", "registered model"}
    assert parity_of_similar(lakehouse).passed
    remove_rules(lakehouse, {rules[0].rule_id})
    changed = parity_of_recommendations(lakehouse, registry)
    assert not changed.passed
    assert "others are in force now. Make it again: reco rules publish" in changed.text


def test_gold_of_another_version_than_the_one_that_serves_is_named(with_gold: Served) -> None:
    with_gold.store.promote(SECOND, "better")
    found = parity_of_similar(with_gold.lakehouse)
    assert not found.passed
    assert f"holds lists of {FIRST}, and {SECOND} serves" in found.text


@pytest.mark.filterwarnings("ignore:MLflow at")
def test_gold_with_lists_of_another_model_under_the_champions_name_is_found(with_gold: Served) -> None:
    other = with_gold.store.load(SECOND)
    with_gold.lakehouse.write(RECOMMENDATIONS_ALS, recommendation_rows(other, with_gold.rated, FIRST, Order(10, WHEN)))
    assert not parity_of_recommendations(with_gold.lakehouse, away(with_gold)).passed


def test_a_version_is_a_function_of_mlflow_which_leaves_seen_movies_out(served: Served) -> None:
    model = ranked_movies(str(served.store.path(FIRST)))
    first = model.predict(pd.DataFrame({"user_id": [STRANGER]}), {"n": 2})
    assert first["rank"].tolist() == [1, 2]
    others = model.predict(pd.DataFrame({"user_id": [STRANGER, 1], "seen": [first["movie_id"].tolist(), None]}))
    assert len(others) == 20
    assert not set(others[others["user_id"] == STRANGER]["movie_id"]) & set(first["movie_id"])
