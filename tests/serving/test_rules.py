"""Rules are kept by every route at once, and until they end."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from reco_assets.gold.recommendations import Order, recommendation_rows
from reco_assets.rules.checking import check_lists
from reco_assets.rules.reading import add_rules, policy_to_publish, remove_rules
from reco_assets.rules.rule import Draft
from reco_assets.serving import opening
from reco_assets.serving.app import make_app
from reco_assets.tables import RECOMMENDATIONS_ALS
from resources.tables.lakehouse import Lakehouse
from tests.serving.conftest import FIRST, STRANGER, Served

SENT = {"ratings": [{"movie_id": 3, "stars": 5}, {"movie_id": 9, "stars": 4.5}]}


def hide(movie: int, **other: Any) -> Draft:
    given = {"user_id": None, "from_day": date(2026, 1, 1), "until_day": None} | other
    return Draft("hide", "movie", str(movie), factor=None, reason="asked for", **given)


def listed(client: TestClient, path: str) -> list[int]:
    answer = client.post(path, json=SENT) if path == "/recommendations" else client.get(path)
    return [entry["movie_id"] for entry in answer.json()["movies"]]


def test_a_rule_is_kept_by_every_route_without_a_restart_and_no_more_once_it_is_removed(
    make_served: Callable[[], Served],
) -> None:
    served = make_served()
    app = make_app(served.lakehouse)
    paths = (f"/recommendations/{STRANGER}", "/recommendations", "/similar/3", "/trending")
    with TestClient(app, "http://localhost") as client:
        before = {path: listed(client, path) for path in paths}
        rules = add_rules(served.lakehouse, [hide(movies[0]) for movies in before.values()])
        app.state.current.refresh()
        for path in paths:
            assert before[path][0] not in listed(client, path), path
        remove_rules(served.lakehouse, {rule.rule_id for rule in rules})
        app.state.current.refresh()
        assert {path: listed(client, path) for path in paths} == before


def test_a_rule_for_one_user_is_kept_for_no_one_else(make_served: Callable[[], Served]) -> None:
    served = make_served()
    with TestClient(make_app(served.lakehouse), "http://localhost") as client:
        free, folded = listed(client, f"/recommendations/{STRANGER}"), listed(client, "/recommendations")
    add_rules(served.lakehouse, [hide(free[0], user_id=STRANGER), hide(folded[0], user_id=0)])
    with TestClient(make_app(served.lakehouse), "http://localhost") as client:
        assert free[0] not in listed(client, f"/recommendations/{STRANGER}")
        assert listed(client, f"/recommendations/{STRANGER + 1}") == free
        assert listed(client, "/recommendations") == folded


def test_no_movie_that_too_few_rated_is_served_and_published_lists_are_held_to_the_same_counts(
    make_served: Callable[[], Served],
) -> None:
    served = make_served()
    asked = Lakehouse.open(served.settings.changed(recommend_least_ratings=7))
    movie, count = np.unique(served.train.movie_id, return_counts=True)
    often = set(movie[count >= 7].tolist())
    with TestClient(make_app(asked), "http://localhost") as client:
        assert set(listed(client, f"/recommendations/{STRANGER}?n=1000")) == often
    champion = served.store.load(FIRST)
    order = Order(40, *policy_to_publish(asked))
    asked.write(RECOMMENDATIONS_ALS, recommendation_rows(champion, served.rated, FIRST, order))
    assert check_lists(asked, RECOMMENDATIONS_ALS.name).kept.broken == 0
    more = Lakehouse.open(served.settings.changed(recommend_least_ratings=8))
    assert "7 ratings, and 8 are asked" in check_lists(more, RECOMMENDATIONS_ALS.name).text


def test_what_is_served_changes_with_the_day_where_there_are_rules(
    make_served: Callable[[], Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = make_served()
    assert (before := opening.current_state(served.lakehouse)) is not None
    assert before.day is None
    add_rules(served.lakehouse, [hide(1)])
    today = opening.current_state(served.lakehouse)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(1)

    monkeypatch.setattr(opening, "datetime", Tomorrow)
    assert today != opening.current_state(served.lakehouse)
