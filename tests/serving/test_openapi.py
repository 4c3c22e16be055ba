"""What the OpenAPI document promises holds for requests that schemathesis makes up from it."""

from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

ASKED = [
    ("GET", "/recommendations/{user}"),
    ("POST", "/recommendations"),
    ("GET", "/similar/{movie}"),
    ("GET", "/trending"),
]
PLAIN = [("GET", "/health"), ("GET", "/metrics")]  # they take nothing that could be wrong
CASES = [(*route, mode) for route in ASKED for mode in ("positive", "negative")] + [
    (*route, "positive") for route in PLAIN
]
GENERATED = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="session")
def document(client: TestClient) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", client.app)


def test_every_route_is_in_the_document(document: Any) -> None:
    named = [operation.ok() for operation in document.get_all_operations()]
    assert sorted((each.method.upper(), each.path) for each in named) == sorted(ASKED + PLAIN)


# Not by schemathesis's own mark: its plugin (4.32) has no answer to pytest 9.2.
@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_answers_are_what_the_document_says(document: Any, method: str, path: str, mode: str) -> None:
    operation = document[path][method]
    kind = schemathesis.GenerationMode(mode)

    @GENERATED
    @given(case=operation.as_strategy(generation_mode=kind))
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate()

    holds()
