"""Which requests may reach Dagster's web server. It has no login, and whoever reaches it can start runs.

A page of another site may not use the browser of someone who can reach it: not by a request across origins, which
needs no leave if it looks like a form (`text/plain`), and not by a name of its own that it lets point to 127.0.0.1.
Programs (curl, dg, Dagster's client) send neither `Origin` nor `Sec-Fetch-Site`, and are let through.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from resources.loopback import LOOPBACK

EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
GRAPHQL = "/graphql"
# Bodies that a page can only send across origins after asking, which the server never grants.
GRAPHQL_BODIES = frozenset({"application/json", "application/graphql"})
HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
OWN_SITE = frozenset({"same-origin", "none"})

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What is looked at: the method (`WEBSOCKET` for one), the path, and the headers by their names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


def allowed_hosts(bound_to: str | None, configured: Iterable[str]) -> frozenset[str]:
    """The names under which the server may be called: this machine's, the one it listens on, and those configured."""
    own = {bound_to} if bound_to and bound_to not in EVERY_ADDRESS else set()
    return LOOPBACK | {name.strip().lower() for name in (*own, *configured) if name.strip()}


def refusal(request: Request, hosts: frozenset[str]) -> str | None:
    """Why a request is refused; None where it may pass."""
    headers = request.headers
    called = headers.get("host", "")
    if _name(called) not in hosts:
        return f"the server is not known as {called!r}: set RECO_WEB_HOSTS to let it be called so"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != called.lower():
        return f"the page comes from {origin!r} and not from this server"
    acts = request.method not in READING or request.path.rstrip("/").endswith(GRAPHQL)
    if acts and headers.get("sec-fetch-site", "none") not in OWN_SITE:
        return "the request comes from a page of another site"
    # An address bar's request and a page's image send no Origin, nor Sec-Fetch-Site to a server without TLS.
    if _asks_by_address(request):
        return "a query is sent by POST"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and request.path.rstrip("/").endswith(GRAPHQL) and kind not in GRAPHQL_BODIES:
        return f"a query is sent as application/json and not as {kind or 'nothing named'!r}"
    return None


def _asks_by_address(request: Request) -> bool:
    """Whether Dagster would run the query in the address, where it answers with its editor of queries to a browser."""
    at_graphql = request.path.rstrip("/").endswith(GRAPHQL)
    return request.method in ("GET", "HEAD") and at_graphql and "text/html" not in request.headers.get("accept", "")


def guarded(app: App, hosts: frozenset[str]) -> App:
    """The ASGI application behind the guard: a refused request gets 403 and one line, a refused WebSocket is closed."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        why = refusal(_request(scope), hosts)
        if why is None:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": why[:100]})
        else:
            await _refuse(send, why)

    return guard


async def _refuse(send: Send, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"Refused: {why}.\n".encode()})


def _request(scope: Scope) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        # Two of a kind are one that matches nothing: which of them counts is anyone's guess.
        headers[key] = f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    return Request(scope.get("method", "WEBSOCKET"), scope["path"], headers)


def _name(host: str) -> str:
    """The name in a Host header, without its port; empty where the header is no name and port."""
    found = HOST.fullmatch(host.lower())
    return found["name"].strip("[]") if found else ""
