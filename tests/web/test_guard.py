"""The guard before Dagster's web server: the page itself and programs pass, other sites' pages and names don't."""

import asyncio
from typing import Any

import pytest

from reco_assets.web.guard import Request, allowed_hosts, guarded, refusal

HOSTS = allowed_hosts("127.0.0.1", ["dagit.example.org"])
JSON = {"content-type": "application/json"}
OWN = {"host": "localhost:3000", "origin": "http://localhost:3000", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", OWN | JSON),
        ("POST", "/graphql", OWN | {"content-type": "application/json; charset=utf-8"}),
        ("POST", "/graphql", {"host": "127.0.0.1:3000"} | JSON),
        ("POST", "/graphql", {"host": "[::1]:3000"} | JSON),
        ("GET", "/runs", {"host": "localhost:3000", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
        ("GET", "/server_info", {"host": "localhost"}),
        ("GET", "/graphql", {"host": "localhost:3000", "accept": "text/html,application/xhtml+xml,*/*;q=0.8"}),
        ("WEBSOCKET", "/graphql", OWN),
        ("WEBSOCKET", "/graphql", {"host": "localhost:3000"}),
        ("POST", "/graphql", {"host": "Dagit.Example.org", "origin": "https://dagit.example.org"} | JSON),
        ("POST", "/report_asset_materialization/a", {"host": "localhost:3000"}),
    ],
)
def test_the_page_itself_and_programs_pass(method: str, path: str, headers: dict[str, str]) -> None:
    assert refusal(Request(method, path, headers), HOSTS) is None


@pytest.mark.parametrize(
    ("method", "path", "headers", "why"),
    [
        ("POST", "/graphql", {"host": "localhost:3000", "origin": "https://evil.com"} | JSON, "comes from"),
        ("POST", "/graphql", {"host": "localhost:3000", "origin": "null"} | JSON, "comes from"),
        ("POST", "/graphql", {"host": "localhost:3000", "origin": "http://localhost:5000"} | JSON, "comes from"),
        ("POST", "/graphql", {"host": "localhost:3000", "content-type": "text/plain"}, "application/json"),
        ("POST", "/graphql", {"host": "localhost:3000"}, "application/json"),
        ("POST", "/graphql/", {"host": "localhost:3000", "content-type": "multipart/form-data; x"}, "application/json"),
        ("POST", "/prefix/graphql", {"host": "localhost", "content-type": "text/plain"}, "application/json"),
        ("GET", "/graphql", {"host": "localhost:3000", "sec-fetch-site": "cross-site"}, "another site"),
        ("GET", "/graphql", {"host": "dagit.example.org"}, "a query is sent by POST"),
        ("GET", "/graphql", {"host": "dagit.example.org", "accept": "image/avif,*/*"}, "a query is sent by POST"),
        ("HEAD", "/prefix/graphql/", {"host": "localhost:3000"}, "a query is sent by POST"),
        ("POST", "/report_asset_check/a", {"host": "localhost:3000", "sec-fetch-site": "same-site"}, "another site"),
        ("WEBSOCKET", "/graphql", {"host": "localhost:3000", "origin": "https://evil.com"}, "comes from"),
        ("GET", "/", {"host": "evil.com:3000"}, "not known as"),
        ("POST", "/graphql", {"host": "evil.com:3000", "origin": "http://evil.com:3000"} | JSON, "not known as"),
        ("GET", "/", {"host": "localhost.evil.com"}, "not known as"),
        ("GET", "/", {"host": "localhost:3000, evil.com"}, "not known as"),
        ("GET", "/", {"host": "user@evil.com"}, "not known as"),
        ("GET", "/", {"host": "[::1"}, "not known as"),
        ("GET", "/", {}, "not known as"),
    ],
)
def test_other_sites_and_other_names_are_refused(method: str, path: str, headers: dict[str, str], why: str) -> None:
    assert why in (refusal(Request(method, path, headers), HOSTS) or "")


def test_a_server_on_every_address_is_known_by_loopback_and_the_configured_names_alone() -> None:
    assert allowed_hosts("0.0.0.0", [" A.example ", ""]) == {"localhost", "127.0.0.1", "::1", "a.example"}
    assert "192.168.1.5" in allowed_hosts("192.168.1.5", [])


def answer(kind: str, headers: dict[str, str]) -> list[Any]:
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        sent.append("passed")

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "path": "/graphql", "headers": raw} | ({"method": "POST"} if kind == "http" else {})
    asyncio.run(guarded(app, HOSTS)(scope, receive, send))
    return sent


def test_a_refused_request_gets_403_and_a_line_and_a_refused_websocket_is_closed() -> None:
    start, body = answer("http", {"host": "evil.com"} | JSON)
    assert start["status"] == 403
    assert body["body"].startswith(b"Refused: the server is not known as 'evil.com'")
    [closed] = answer("websocket", {"host": "localhost", "origin": "https://evil.com"})
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


def test_what_may_pass_and_what_is_no_request_reach_the_application() -> None:
    assert answer("http", OWN | JSON) == ["passed"]
    assert answer("lifespan", {}) == ["passed"]
