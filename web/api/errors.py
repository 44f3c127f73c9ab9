"""Errors in one shape: `{"error": "a sentence"}`, with the status that fits."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from syncline.errors import (
    AccountStateError,
    ConfigurationError,
    FieldError,
    JobStateError,
    MissingSettingError,
    PrefectUnavailableError,
    StoreError,
    SynclineError,
    UnknownAccountError,
    UnknownJobError,
    UnknownSourceError,
)
from web import context
from web.redaction import redacted

__all__ = ["ErrorJson", "answer_errors", "documented"]

_log = logging.getLogger(__name__)
_FIELD = re.compile(r"(?!(?:bool|float|int|none|str)$)[A-Za-z_]\w*")
"""A field's name: pydantic also names the types that it tried, such as `constrained-float`."""
_FOR_ALL = (FieldError, UnknownAccountError, AccountStateError, UnknownJobError, JobStateError)
"""Errors whose text is about the caller's own account, and tells nothing of the settings."""
_STATUS: tuple[tuple[type[SynclineError], int], ...] = (
    (FieldError, 422),
    (UnknownAccountError, 404),
    (AccountStateError, 409),
    (UnknownJobError, 404),
    (JobStateError, 409),
    (UnknownSourceError, 404),
    (MissingSettingError, 503),
    (PrefectUnavailableError, 503),
    (StoreError, 503),
    (ConfigurationError, 503),
)
"""The first that fits decides; any other is a 500."""
_PUBLIC = {
    404: "there is no source of this name",
    500: "this failed; the web app's log says more",
    503: "this cannot be answered now; the web app's log says more",
}
"""What is told to a caller without a credential."""
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class ErrorJson(BaseModel):
    """What went wrong."""

    error: str = Field(description="a sentence that says what to change")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These error statuses, for OpenAPI's description of an endpoint."""
    return {status: {"model": ErrorJson} for status in statuses}


def answer_errors(app: FastAPI) -> None:
    """Let `app` answer every error in the one shape."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SynclineError, _ours)
    app.add_exception_handler(Exception, _unexpected)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 404 and detail == "Not Found":  # noqa: PLR2004 - the router's own words
        detail = f"there is no {request.url.path} here; /openapi.json lists what there is"
    if error.status_code == 405:  # noqa: PLR2004 - method not allowed
        headers["Allow"] = ", ".join(_methods(request))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        detail = f"{request.url.path} does not take {request.method}"
    return _answer(error.status_code, detail, headers)


def _methods(request: Request) -> list[str]:
    """What the request's path takes; the router names only the methods of the first endpoint that has it."""
    scope = {name: request.scope[name] for name in ("type", "path", "root_path", "headers")}
    taken = [method for method in _METHODS if _is_taken(request.app, {**scope, "method": method})]
    return [*taken, *(["HEAD"] if "GET" in taken else []), "OPTIONS"]


def _is_taken(app: FastAPI, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    told = [one for one in problems if one["type"] != "none_required"] or problems  # that null would do as well
    return _answer(422, "; ".join(dict.fromkeys(map(_sentence, told))))


def _sentence(problem: Mapping[str, Any]) -> str:
    """A problem as pydantic tells it, in one line that names the field; the value itself is not shown."""
    where: Sequence[object] = problem["loc"]
    if problem["type"] == "json_invalid":
        return f"the body is no JSON: {problem['ctx']['error'].lower()}"
    named = [part for part in where[1:] if isinstance(part, str) and _FIELD.fullmatch(part)]
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if named:
        return f"{'.'.join(named)}: {message[:1].lower()}{message[1:]}"
    return "the body must be a JSON object, sent with Content-Type: application/json"


def _ours(request: Request, error: Exception) -> JSONResponse:
    """An error of ours; its text tells of the settings, so callers without a credential get a general one."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if not context.trusts(request) and not isinstance(error, _FOR_ALL):
        if status >= 500:  # noqa: PLR2004 - 4xx are not logged: any caller could fill the log
            _log.warning("%s %r: %s", request.method, request.url.path, error)
        return _answer(status, _PUBLIC[status])
    return _answer(status, redacted(str(error), context.of(request).settings))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    del error  # the server logs it, traceback included; its text may hold what a caller must not see
    return _answer(500, f"{request.method} {request.url.path} failed unexpectedly; the web app's log says more")


def _answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message}, status, headers)
