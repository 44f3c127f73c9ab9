"""One request and its answer, between server and app: the body within its limits, the answer with its headers."""

import asyncio
import contextlib
from email.message import Message as Fields

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from web.edge.answers import Refusal, protected
from web.edge.json_text import problem_of_json
from web.edge.limits import Limits

__all__ = ["Exchange"]

_CLOSING = (b"connection", b"close")


class Exchange:
    """Hands the body to the app once it is whole and right, and its answer to the server."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self._head = Headers(scope=scope)
        self._is_head_request = scope["method"] == "HEAD"
        self._receive = receive
        self._send = send
        self._limits = limits
        self._body_ended = False
        self._handed_over = False
        self._closing = False

    async def receive(self) -> Message:
        """The whole body as one message; later, that the caller has gone.

        Raises:
            HTTPException: it is too long (413), does not come (408), or is JSON that cannot be used (422).
        """
        if self._handed_over:
            return await self._receive()
        self._handed_over = True
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._whole()
        except TimeoutError:
            raise _answer(408, f"the body did not come within {self._limits.body_seconds:g} seconds") from None
        if body is None:
            return {"type": "http.disconnect"}
        if body and _is_json(self._head):
            problem = problem_of_json(body, depth=self._limits.json_depth)
            if problem is not None:
                raise HTTPException(422, problem)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Pass a message of the app's answer on."""
        if message["type"] == "http.response.start":
            headers = protected(message.get("headers", ()))
            self._closing = _CLOSING in headers
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            if self._is_head_request:
                message = {**message, "body": b""}
            if self._closing and not self._body_ended and not message.get("more_body", False):
                await self._send({**message, "more_body": True})
                await self._linger()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with `refusal` in place of the app."""
        scope: Scope = {"type": "http"}
        await refusal.response()(scope, self._receive, self.send)

    async def _whole(self) -> bytes | None:
        """The body; None if the caller went before its end."""
        parts: list[bytes] = []
        length = 0
        while not self._body_ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            part: bytes = message.get("body", b"")
            self._body_ended = not message.get("more_body", False)
            length += len(part)
            if length > self._limits.body_bytes:
                raise _answer(413, f"the body is longer than {self._limits.body_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    async def _linger(self) -> None:
        """Read and drop what still comes for a while: a connection closed before resets, and the answer is lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_seconds):
                while not self._body_ended:
                    message = await self._receive()
                    self._body_ended = message["type"] == "http.disconnect" or not message.get("more_body", False)


def _answer(status: int, message: str) -> HTTPException:
    return HTTPException(status, message, headers={"Connection": "close"})


def _is_json(headers: Headers) -> bool:
    fields = Fields()
    fields["content-type"] = headers.get("content-type", "")
    kind = fields.get_content_subtype()
    return fields.get_content_maintype() == "application" and (kind == "json" or kind.endswith("+json"))
