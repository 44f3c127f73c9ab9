"""What every answer carries, and refusals that need no app."""

import json
from collections.abc import Iterable
from http import HTTPStatus

from starlette.responses import JSONResponse

__all__ = ["HEADERS", "Refusal", "as_bytes", "protected"]

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Each stands in every answer, unless the endpoint sets another value: no page of another origin reads, frames or
guesses at what we answer, and nothing but static files is kept."""
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_CORS = b"access-control-"


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that gets this answer, and nothing else."""

    def __init__(self, status: int, message: str) -> None:
        """Say what to change in one sentence."""
        self.status = status
        self.message = message
        super().__init__(message)

    def response(self) -> JSONResponse:
        """The answer; the connection ends with it, since the rest of the request is not read."""
        return JSONResponse({"error": self.message}, self.status, {"Connection": "close"})


def protected(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`headers` of an answer with ours added, and without any permission for other origins."""
    kept = [(name, value) for name, value in headers if not name.lower().startswith(_CORS)]
    present = {name.lower() for name, _ in kept}
    return kept + [(name, value) for name, value in _HEADERS if name not in present]


def as_bytes(refusal: Refusal) -> bytes:
    """The refusal as it goes over the wire, for a connection whose request no parser has understood."""
    body = json.dumps({"error": refusal.message}).encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
