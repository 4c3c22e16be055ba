"""What can't be opened is told, whatever it raised, and looked at again."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from reco_assets.serving import current
from reco_assets.serving.app import make_app
from tests.serving.conftest import FIRST, SECOND, Served


def raises(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_an_error_that_nobody_foresaw_is_told_and_the_server_follows_on(
    make_served: Callable[[], Served], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = make_served()
    app = make_app(served.lakehouse)
    with TestClient(app, "http://localhost") as client:
        served.store.promote(SECOND, "better")
        with monkeypatch.context() as broken:
            broken.setattr(current, "open_snapshot", raises(EOFError("No data left in file")))
            app.state.current.refresh()
        health = client.get("/health").json()
        assert (health["model_version"], health["failure"]) == (FIRST, "EOFError: No data left in file")
        assert f"{FIRST} serves on: EOFError: No data left in file" in capsys.readouterr().err
        app.state.current.refresh()
        assert client.get("/health").json() == {"status": "ok", "model_version": SECOND, "failure": None}


def test_a_start_with_a_champion_that_cannot_be_opened_answers_why(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current, "open_snapshot", raises(EOFError("No data left in file")))
    with TestClient(make_app(served.lakehouse), "http://localhost") as client:
        answer = client.get("/recommendations/1")
        assert (answer.status_code, answer.json()["error"]) == (503, "no_champion")
        assert "No data left in file" in answer.json()["message"]


def test_a_failure_that_passes_is_no_swap(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str | None] = []
    followed = current.Current(served.lakehouse, lambda each: heard.append(each.failure))
    followed.refresh()
    with monkeypatch.context() as broken:
        broken.setattr(current, "current_state", raises(ValueError("no JSON")))
        followed.refresh()
        followed.refresh()
    followed.refresh()
    assert heard == [None, "ValueError: no JSON"]
    assert followed.failure is None


def test_a_load_balancer_may_ask_for_the_health_by_head(client: TestClient) -> None:
    assert client.head("/health").status_code == 200
