"""A body is JSON, and has a size that one person's ratings need."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from reco_assets.serving.limits import MOST_BYTES

JSON = {"content-type": "application/json"}
RATED = b'{"ratings": [{"movie_id": 1, "stars": 5}]}'


def in_pieces(size: int) -> Iterator[bytes]:
    yield RATED
    for _ in range(size // 50_000):
        yield b" " * 50_000


@pytest.mark.parametrize("body", [RATED + b" " * MOST_BYTES, in_pieces(MOST_BYTES)], ids=["at once", "in pieces"])
def test_a_body_that_is_too_large_is_refused(client: TestClient, body: bytes | Iterator[bytes]) -> None:
    answer = client.post("/recommendations", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
    assert "1,000,000 bytes" in answer.json()["message"]


def test_a_body_of_the_largest_size_is_read(client: TestClient) -> None:
    body = RATED + b" " * (MOST_BYTES - len(RATED))
    assert client.post("/recommendations", content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize(("headers", "was"), [({}, "not there"), ({"content-type": "text/plain"}, "text/plain")])
def test_a_body_that_is_not_sent_as_json_is_refused_with_the_name_of_the_header(
    client: TestClient, headers: dict[str, str], was: str
) -> None:
    answer = client.post("/recommendations", content=RATED, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert (
        answer.json()["message"] == f"body: send JSON, with the header Content-Type: application/json (it was {was})."
    )
