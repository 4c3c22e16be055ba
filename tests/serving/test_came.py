"""Users whose ratings wait are answered from them, as soon as they were taken in, and as gold answers them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from reco_assets.gold.came import recommended_to_who_came
from reco_assets.gold.recommendations import Order, recommendation_rows
from reco_assets.models.ratings import Ratings
from reco_assets.serving import opening
from reco_assets.serving.app import make_app
from reco_assets.serving.came import Came, write_came
from reco_assets.serving.parity import parity_of_recommendations
from reco_assets.streaming.intake import take_in
from reco_assets.tables import RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH
from tests.serving.conftest import FIRST, STRANGER, WHEN, Served
from tests.serving.test_parity import Registered


def came(served: Served, *users: int) -> None:
    """A file of what these users said lands, and gold has lists of it."""
    lines = [f"2026-01-01 00:00:0{movie},{user},{movie},5" for user in users for movie in (1, 3, 7)]
    text = "\n".join(["DATE,CUST_ID,MOVIE_ID,RATING", *lines, ""])
    (served.settings.storage.landing / f"{users}.csv").write_text(text)
    take_in(served.lakehouse)
    made = recommended_to_who_came(served.lakehouse)
    assert made is not None
    served.lakehouse.write(RECOMMENDATIONS_FRESH, made.rows)


def fresh(served: Served) -> dict[int, list[tuple[int, float]]]:
    rows = served.lakehouse.dataset(RECOMMENDATIONS_FRESH.name).to_table().to_pylist()
    return {row["user_id"]: [(each["movie_id"], each["score"]) for each in row["recommendations"]] for row in rows}


def test_who_came_is_answered_as_gold_does_without_a_restart(make_served: Callable[[], Served]) -> None:
    served = make_served()
    user, other = served.train.user_id[0].item(), served.train.user_id[-1].item()
    app = make_app(served.lakehouse)
    with TestClient(app, "http://localhost") as client:
        before = client.get(f"/recommendations/{other}").json()
        assert client.get(f"/recommendations/{STRANGER}").json()["known_user"] is False
        came(served, user, STRANGER)
        app.state.current.refresh()
        for each, listed in fresh(served).items():
            answer = client.get(f"/recommendations/{each}").json()
            assert [entry["movie_id"] for entry in answer["movies"]] == [movie for movie, _ in listed]
            assert [entry["score"] for entry in answer["movies"]] == pytest.approx([score for _, score in listed], 1e-5)
            assert (answer["known_user"], answer["model_version"]) == (True, FIRST)
        assert fresh(served).keys() == {user, STRANGER}
        assert client.get(f"/recommendations/{other}").json() == before


@pytest.mark.parametrize("beyond_memory", [False, True])
def test_the_lists_of_who_came_are_not_held_against_those_of_the_training(
    make_served: Callable[[], Served], monkeypatch: pytest.MonkeyPatch, beyond_memory: bool
) -> None:
    served = make_served()
    rows = recommendation_rows(served.store.load(FIRST), served.rated, FIRST, Order(10, WHEN))
    served.lakehouse.write(RECOMMENDATIONS_ALS, rows)
    came(served, served.train.user_id[0].item(), STRANGER)
    if beyond_memory:
        monkeypatch.setattr("resources.tables.lakehouse.memory_bytes", lambda: 0)
    found = parity_of_recommendations(served.lakehouse, Registered(served.settings))
    assert (found.passed, found.lists) == (True, 19)


def test_ratings_of_who_came_that_are_damaged_on_disk_are_read_again(
    make_served: Callable[[], Served], tmp_path: Path
) -> None:
    served = make_served()
    came(served, STRANGER)
    state = opening.current_state(served.lakehouse)
    assert state is not None
    before = opening.open_snapshot(served.lakehouse, state, tmp_path).recommended(STRANGER, 10)
    (damaged,) = tmp_path.glob("came-*/stars.npy")
    damaged.unlink()
    assert opening.open_snapshot(served.lakehouse, state, tmp_path).recommended(STRANGER, 10) == before


def test_where_nobody_came_nobody_is_found(tmp_path: Path) -> None:
    write_came(Ratings(*np.zeros((2, 0), np.int32), np.zeros(0, np.float32)), tmp_path)
    came = Came.load(tmp_path)
    assert not came.holds(1)
    assert len(came.of(1)) == 0
