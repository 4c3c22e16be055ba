"""Questions to a web server of Dagster's that goes away: what is asked again, and what is never asked for twice."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from resources.orchestrator import webserver
from resources.orchestrator.webserver import LAUNCH_TAG, Webserver, WebserverError

PARAMS = {"selector": {"jobName": "j"}, "executionMetadata": {"tags": [{"key": "a", "value": "b"}]}}
DROP = "the connection is closed without an answer"


class Dagster(ThreadingHTTPServer):
    """It makes runs that have tags and finds them again; of launches, `faults` says what becomes of the answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.runs: list[dict[str, str]] = []
        self.launches = 0
        self.faults: list[tuple[bool, int | str]] = []  # whether the run is made all the same, and what is answered

    def answer(self, query: str, variables: Mapping[str, Any]) -> tuple[int | str, Any]:
        if "launchRun" not in query:
            wanted = {tag["key"]: tag["value"] for tag in variables["filter"]["tags"]}
            found = [number for number, tags in enumerate(self.runs) if wanted.items() <= tags.items()]
            return 200, {"runsOrError": {"results": [{"runId": str(number)} for number in found]}}
        self.launches += 1
        made, status = self.faults.pop(0) if self.faults else (True, 200)
        if made:
            self.runs.append({t["key"]: t["value"] for t in variables["params"]["executionMetadata"]["tags"]})
        return status, {"launchRun": {"run": {"runId": str(len(self.runs) - 1)}}}


class _Answering(BaseHTTPRequestHandler):
    server: Dagster

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, data = self.server.answer(asked["query"], asked["variables"])
        if isinstance(status, str):
            self.close_connection = True
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps({"data": data}).encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def dagster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dagster]:
    monkeypatch.setattr(webserver, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(webserver, "LOST_SECONDS", 0.1)
    with Dagster() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(dagster: Dagster) -> Webserver:
    return Webserver(f"http://127.0.0.1:{dagster.server_port}")


@pytest.mark.parametrize("answer", [DROP, 502, 503, 504])
def test_a_run_whose_answer_is_lost_is_found_instead_of_launched_again(dagster: Dagster, answer: int | str) -> None:
    dagster.faults = [(True, answer)]
    assert asked(dagster).launch(PARAMS) == "0"
    assert dagster.launches == 1


@pytest.mark.parametrize("answer", [DROP, 503])
def test_a_run_that_was_not_made_is_asked_for_again(dagster: Dagster, answer: int | str) -> None:
    dagster.faults = [(False, answer)]
    assert asked(dagster).launch(PARAMS) == "0"
    assert (dagster.launches, len(dagster.runs)) == (2, 1)


def test_two_launches_of_the_same_are_two_runs(dagster: Dagster) -> None:
    assert [asked(dagster).launch(PARAMS) for _ in range(2)] == ["0", "1"]
    assert all(tags["a"] == "b" for tags in dagster.runs)
    assert len({tags[LAUNCH_TAG] for tags in dagster.runs}) == 2


def test_a_server_that_stays_away_is_an_error_that_names_it(dagster: Dagster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webserver, "PATIENCE_SECONDS", 0.0)
    dagster.faults = [(False, 503)] * 2
    with pytest.raises(WebserverError, match=r"did not answer for 0 s \(HTTP Error 503.*Start its web server"):
        asked(dagster).launch(PARAMS)


def test_another_refusal_is_told_at_once(dagster: Dagster) -> None:
    dagster.faults = [(False, 403)]
    with pytest.raises(WebserverError, match="answered 403"):
        asked(dagster).launch(PARAMS)
    assert dagster.launches == 1
