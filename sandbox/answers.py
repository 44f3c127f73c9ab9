from typing import TypeVar

import msgspec
import orjson
from aiohttp import web

OrderT = TypeVar("OrderT")


class RefusedError(Exception):
    """The request is refused; its status and sentence become the JSON answer."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


class ConnectionDropped(Exception):  # noqa: N818 - a simulated event, not an error of the sandbox
    """The simulated server cut the connection; nothing is left to answer."""


def json_answer(data: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Data as a JSON response."""
    return json_bytes(orjson.dumps(data), status=status, headers=headers)


def json_bytes(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON that is encoded already, as a response."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    """The sandbox's error shape: `{"error": {"status": 404, "message": "…"}}`."""
    return json_answer({"error": {"status": status, "message": sentence}}, status=status, headers=headers)


async def read_json(request: web.Request) -> object:
    """The request's JSON body.

    Raises:
        RefusedError: 422 where the body is no JSON.
    """
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise RefusedError(422, f"The body is not JSON: {error}.") from error


async def read_order(request: web.Request, kind: type[OrderT]) -> OrderT:
    """The request's JSON body as a `kind`.

    Raises:
        RefusedError: 422 where the body is no JSON, or no such order; says why.
    """
    data = await read_json(request)
    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        raise RefusedError(422, f"{error}.") from error
