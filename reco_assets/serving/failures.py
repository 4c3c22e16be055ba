"""Errors as answers: one body for all of them, with a kind for programs and words for people."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from reco_assets.serving.schema import ErrorKind, Failure

Documented = Mapping[int | str, dict[str, Any]]
_DESCRIPTIONS = {
    400: "The body can't be read.",
    404: "The champion was not trained on the movie.",
    413: "The body is too large.",
    422: "A value is missing or outside of its limits.",
    503: "No model has been promoted yet, or the champion can't be opened.",
}


class RefusedError(Exception):
    """A request that can't be answered: the status, the kind of error, and what to do."""

    def __init__(self, status: int, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of these errors."""
    return {status: {"model": Failure, "description": _DESCRIPTIONS[status]} for status in statuses}


def answer_failures(app: FastAPI) -> None:
    """Let every error of an application be answered by a `Failure`."""
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    for status in (400, 404, 405, 413):  # raised before a route is reached
        app.add_exception_handler(status, _by_framework)
    app.add_exception_handler(Exception, _failed)


def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    return _answer(error.status, error.kind, str(error))


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    sent_as = request.headers.get("content-type", "")
    if "json" not in sent_as and any(each["loc"] == ("body",) for each in error.errors()):
        said = f"body: send JSON, with the header Content-Type: application/json (it was {sent_as or 'not there'})."
        return _answer(422, "invalid_request", said)
    found = ("{}: {}".format(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()[:5])
    return _answer(422, "invalid_request", "; ".join(found))


def _by_framework(_: Request, error: Exception) -> JSONResponse:
    status = int(getattr(error, "status_code", 400))
    kind: ErrorKind = "invalid_request" if status in (400, 413) else "no_such_route"
    answer = _answer(status, kind, f"{getattr(error, 'detail', error)}. See /openapi.json for what there is.")
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _failed(_: Request, error: Exception) -> JSONResponse:
    return _answer(500, "failed", f"{type(error).__name__}: the server's log has more.")


def _answer(status: int, kind: ErrorKind, message: str) -> JSONResponse:
    return JSONResponse(Failure(error=kind, message=message).model_dump(), status)
