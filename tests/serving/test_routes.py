"""Each route answers what the champion answers, with titles; what can't be answered is one kind of document."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED
from reco_assets.serving import opening
from reco_assets.serving.app import make_app
from reco_assets.tables import SILVER_MOVIES, TRAIN_RATINGS
from tests.serving.conftest import FIRST, MOVIES, SECOND, STRANGER, Served, rating_rows, write


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def movies_of(answer: Any) -> list[int]:
    return [entry["movie_id"] for entry in answer["movies"]]


def test_a_user_gets_the_champions_list_without_what_the_user_rated(client: TestClient, served: Served) -> None:
    champion = served.store.load(FIRST)
    for user in champion.user_ids.tolist():
        answer = client.get(f"/recommendations/{user}").json()
        expected = champion.recommend(ids(user), 10, served.rated)
        assert movies_of(answer) == [movie for movie in expected.movie_id[0].tolist() if movie != MASKED]
        assert [entry["score"] for entry in answer["movies"]] == pytest.approx(expected.score[0].tolist(), rel=1e-5)
        assert (answer["model_version"], answer["user_id"], answer["known_user"]) == (FIRST, user, True)


def test_a_stranger_gets_the_popular_movies(client: TestClient, served: Served) -> None:
    answer = client.get(f"/recommendations/{STRANGER}?n=3").json()
    popular = served.store.load(FIRST).recommend(ids(STRANGER), 3)
    assert movies_of(answer) == popular.movie_id[0].tolist()
    assert answer["known_user"] is False


def test_a_list_is_as_long_as_it_is_asked_for_and_no_longer_than_there_are_movies(client: TestClient) -> None:
    assert len(client.get(f"/recommendations/{STRANGER}?n=2").json()["movies"]) == 2
    assert len(client.get(f"/recommendations/{STRANGER}?n=1000").json()["movies"]) == MOVIES


def test_movies_have_their_titles_and_genres_and_those_without_are_named_by_number(client: TestClient) -> None:
    named = {each["movie_id"]: each for each in client.get(f"/recommendations/{STRANGER}?n=1000").json()["movies"]}
    assert (named[1]["title"], named[1]["genres"]) == ("Heat (1995)", "Action, Crime")
    assert (named[3]["title"], named[3]["genres"]) == ("movie 3", "")


def test_a_movie_has_those_that_the_champion_finds_alike(client: TestClient, served: Served) -> None:
    answer = client.get("/similar/3?n=4").json()
    assert movies_of(answer) == served.store.load(FIRST).similar_items(ids(3), 4).movie_id[0].tolist()
    assert [entry["rank"] for entry in answer["movies"]] == [1, 2, 3, 4]


def test_ratings_of_someone_else_are_folded_in_as_by_the_champion(client: TestClient, served: Served) -> None:
    sent = {
        "ratings": [{"movie_id": 1, "stars": 5}, {"movie_id": 9, "stars": 4.5}, {"movie_id": 3, "stars": 1}],
        "n": 5,
    }
    answer = client.post("/recommendations", json=sent).json()
    rated = Ratings(ids(0, 0, 0), ids(1, 9, 3), np.array([5, 4.5, 1], np.float32))
    expected = served.store.load(FIRST).fold_in(rated).recommend(ids(0), 5, rated)
    assert movies_of(answer) == expected.movie_id[0].tolist()
    assert answer["unknown_movies"] == []


def test_movies_that_say_nothing_are_named(client: TestClient) -> None:
    answer = client.post("/recommendations", json={"ratings": [{"movie_id": 8888, "stars": 5}]}).json()
    assert answer["unknown_movies"] == [8888]
    assert len(answer["movies"]) == 10


def test_what_trends_is_the_table_of_gold(client: TestClient) -> None:
    answer = client.get("/trending").json()
    assert answer["as_of"] == "2026-01-01T00:00:00Z"
    assert [(entry["title"], entry["score"]) for entry in answer["movies"]] == [("Heat (1995)", 2.5)]


@pytest.mark.parametrize(
    ("request_line", "body", "status", "kind"),
    [
        ("GET /similar/8888", None, 404, "unknown_movie"),
        ("GET /recommendations/x", None, 422, "invalid_request"),
        ("GET /recommendations/1?n=0", None, 422, "invalid_request"),
        (f"GET /recommendations/{2**31}", None, 422, "invalid_request"),
        ("POST /recommendations", {"ratings": []}, 422, "invalid_request"),
        ("POST /recommendations", {"ratings": [{"movie_id": 1, "stars": 4}], "n": True}, 422, "invalid_request"),
        ("POST /recommendations", {"ratings": [{"movie_id": 1, "stars": 4.2}]}, 422, "invalid_request"),
        ("POST /recommendations", {"ratings": [{"movie_id": 1, "rating": 4}]}, 422, "invalid_request"),
        ("GET /nowhere", None, 404, "no_such_route"),
        ("DELETE /trending", None, 405, "no_such_route"),
    ],
)
def test_what_cannot_be_answered_says_its_kind(
    client: TestClient, request_line: str, body: Any, status: int, kind: str
) -> None:
    answer = client.request(*request_line.split(), json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, kind)
    assert answer.json().keys() == {"error", "message"}


def test_before_the_first_champion_the_server_is_well_and_says_what_to_do(empty_client: TestClient) -> None:
    assert empty_client.get("/health").json() == {"status": "no_champion", "model_version": None, "failure": None}
    answer = empty_client.get("/recommendations/1")
    assert (answer.status_code, answer.json()["error"]) == (503, "no_champion")
    assert "reco train" in answer.json()["message"]


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    client.get("/similar/8888")
    numbers = client.get("/metrics").text
    assert 'reco_serving_requests_total{route="/similar/{movie}",status="404"}' in numbers
    assert 'reco_serving_request_seconds_bucket{le="0.02",route="/recommendations/{user}"}' in numbers
    assert "reco_serving_ready 1.0" in numbers


def test_another_champion_answers_once_it_is_promoted(make_served: Callable[[], Served]) -> None:
    served = make_served()
    app = make_app(served.lakehouse)
    with TestClient(app, "http://localhost") as client:
        assert client.get("/health").json()["model_version"] == FIRST
        served.store.promote(SECOND, "better")
        app.state.current.refresh()
        user = int(served.train.user_id[0])
        expected = served.store.load(SECOND).recommend(ids(user), 10, served.rated).movie_id[0]
        assert movies_of(client.get(f"/recommendations/{user}").json()) == expected.tolist()


def test_a_champion_that_is_damaged_leaves_the_one_before_it_serving(make_served: Callable[[], Served]) -> None:
    served = make_served()
    app = make_app(served.lakehouse)
    with TestClient(app, "http://localhost") as client:
        served.store.promote(SECOND, "better")
        (served.store.path(SECOND) / "item_factors.parquet").write_bytes(b"PAR1")
        app.state.current.refresh()
        health = client.get("/health").json()
        assert (health["status"], health["model_version"]) == ("ok", FIRST)
        assert "item_factors.parquet" in health["failure"]
        assert client.get("/recommendations/1").status_code == 200


def test_a_table_that_changes_changes_the_answers(make_served: Callable[[], Served]) -> None:
    served = make_served()
    app = make_app(served.lakehouse)
    with TestClient(app, "http://localhost") as client:
        write(served.lakehouse, SILVER_MOVIES, [{"movie_id": 3, "title": "Jumanji (1995)", "genres": []}])
        app.state.current.refresh()
        movies = client.get(f"/recommendations/{STRANGER}?n=1000").json()["movies"]
        assert {each["title"] for each in movies if each["movie_id"] == 3} == {"Jumanji (1995)"}


def test_a_family_that_shares_nothing_is_loaded_into_memory_and_answers_the_same(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = replace(served.store, family=replace(served.store.family, shared=None))
    monkeypatch.setattr(opening, "serving_store", lambda _: alone)
    state = opening.current_state(served.lakehouse)
    assert state is not None
    snapshot = opening.open_snapshot(served.lakehouse, state, served.settings.storage.cache / "alone")
    expected = served.store.load(FIRST).recommend(ids(STRANGER), 3).movie_id[0]
    assert [entry.movie_id for entry in snapshot.recommended(STRANGER, 3)] == expected.tolist()


def test_arrays_of_states_long_gone_are_removed(make_served: Callable[[], Served]) -> None:
    served = make_served()
    folder = served.settings.storage.cache / "arrays"
    for number in range(opening.KEPT + 2):
        write(served.lakehouse, TRAIN_RATINGS, rating_rows(served.train.where(np.arange(len(served.train)) > number)))
        state = opening.current_state(served.lakehouse)
        assert state is not None
        opening.open_snapshot(served.lakehouse, state, folder)
    assert len(list(folder.glob("seen-*"))) == opening.KEPT
    assert len(list(folder.glob("model-*"))) == 1
